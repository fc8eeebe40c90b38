import { applyDecorators, type Type as Class } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, getSchemaPath } from '@nestjs/swagger';
import { WaybillError } from '@waybill/kernel';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, Min } from 'class-validator';

export const MAX_PAGE = 1000;

/** `limit` and `cursor` of every list. */
export class PageQuery {
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(MAX_PAGE)
  limit: number = 50;

  @IsOptional()
  @IsString()
  cursor?: string;
}

/** Describes the answer of a list: `items` of a view and the cursor of the next page. */
export const ApiPage = (view: Class<object>): MethodDecorator =>
  applyDecorators(
    ApiExtraModels(view),
    ApiOkResponse({
      schema: {
        type: 'object',
        required: ['items', 'nextCursor'],
        properties: {
          items: { type: 'array', items: { $ref: getSchemaPath(view) } },
          nextCursor: { type: 'string', nullable: true },
        },
      },
    }),
  );

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** A cursor is the sort key of the last item, opaque to the client. */
export const encodeCursor = (key: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(key)).toString('base64url');

export const decodeCursor = (cursor: string | undefined, parts: number): readonly (string | number)[] | undefined => {
  if (cursor === undefined) return undefined;
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(key) && key.length === parts && key.every(isSortKey)) return key as (string | number)[];
  } catch {
    // told below, as for any other malformed cursor
  }
  throw cursorMalformed();
};

const isSortKey = (part: unknown): boolean =>
  typeof part === 'number' || (typeof part === 'string' && !part.includes('\0'));

export const cursorMalformed = (): WaybillError =>
  new WaybillError('cursor-malformed', 'malformed', 'The cursor is not one that this list gave.', {
    fields: [{ path: 'cursor', message: 'must be the nextCursor of an earlier page' }],
  });

/** Makes a page out of one row more than the limit. */
export const pageOf = <Row, Item>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => readonly (string | number)[],
  itemOf: (row: Row) => Item,
): Page<Item> => {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(itemOf),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null,
  };
};
