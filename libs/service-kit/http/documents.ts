import { createRequire } from 'node:module';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiProperty, DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { fieldNamesOf, type FormClass } from '@waybill/forms';
import { getMetadataStorage } from 'class-validator';
import { targetConstructorToSchema, validationMetadatasToSchemas } from 'class-validator-jsonschema';
import type { Configuration } from '../config/configuration.js';
import { withCommonParts } from './common-parts.js';
import { exampleOf } from './example.js';

const DESCRIPTION = `Connect accounts, create destinations, activate segments, export, and read the history of it all.
Commands take \`Idempotency-Key\` and \`If-Match\`, and answer with \`ETag\` and \`X-Position\`; questions take \`X-Min-Position\`.
Errors are \`application/problem+json\`.`;

const REFS = '#/components/schemas/';

/** Which classes nested forms have is known to class-transformer, whose storage is exported under this path only. */
const { defaultMetadataStorage } = createRequire(import.meta.url)('class-transformer/cjs/storage.js') as {
  readonly defaultMetadataStorage: object;
};
const OPTIONS = { refPointerPrefix: REFS, classTransformerMetadataStorage: defaultMetadataStorage as never };

/** `/openapi.json` and `/docs`. Bodies and query strings are described by the very classes that validate them. */
export const publishDocuments = (app: NestFastifyApplication, auth: Configuration['auth']): void => {
  const config = new DocumentBuilder()
    .setTitle('Waybill')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .build();
  formClasses().forEach(describeForm);
  const document = withCommonParts(withForms(SwaggerModule.createDocument(app, config)), auth);
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'openapi.json', customSiteTitle: 'Waybill' });
};

/** Every class with rules of class-validator; its storage tells them to nobody, so its map is read as it is. */
const formClasses = (): readonly FormClass[] => {
  const { validationMetadatas } = getMetadataStorage() as unknown as { validationMetadatas: Map<FormClass, unknown> };
  return [...validationMetadatas.keys()];
};

const describeForm = (form: FormClass): void => {
  const { properties = {}, required = [] } = targetConstructorToSchema(form, OPTIONS);
  for (const name of fieldNamesOf(form)) {
    const property = properties[name];
    if (property === undefined || '$ref' in property) continue;
    ApiProperty({ ...(property as object), required: required.includes(name) })(form.prototype as object, name);
  }
};

/** Forms inside forms, which Nest does not meet at any route, and examples of bodies. */
const withForms = (document: OpenAPIObject): OpenAPIObject => {
  const forms = validationMetadatasToSchemas(OPTIONS);
  const known = document.components?.schemas ?? {};
  const nested = Object.entries(forms).filter(([name]) => !(name in known));
  const schemas = { ...known, ...(Object.fromEntries(nested) as typeof known) };
  // A form that holds others is described whole by class-validator, references included.
  for (const [name, schema] of Object.entries(forms)) {
    if (JSON.stringify(schema).includes(REFS)) schemas[name] = schema as (typeof known)[string];
  }
  for (const [name, schema] of Object.entries(schemas)) {
    const example = exampleOf(name);
    if (example) schemas[name] = { ...schema, example };
  }
  return { ...document, components: { ...document.components, schemas } };
};
