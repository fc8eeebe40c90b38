import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { type FormClass, fieldNamesOf, parseForm } from '@waybill/forms';
import { WaybillError } from '@waybill/kernel';
import { isStream } from './bodies.js';

/** Bodies and query strings become validated instances of the class that the route names. */
@Injectable()
export class FormPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if ((type !== 'body' && type !== 'query') || !metatype) return value;
    const form = metatype as FormClass;
    // Built-in types and streams have no rules; a route that takes one reads it itself.
    if (fieldNamesOf(form).length === 0) return value;
    if (isStream(value)) throw notJson();
    return parseForm(form, value ?? {});
  }
}

const notJson = () =>
  new WaybillError('content-type-unsupported', 'unsupported-type', 'Send the body as application/json.');
