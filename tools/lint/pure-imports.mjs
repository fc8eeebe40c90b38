import { dirname, resolve, sep } from 'node:path';

/**
 * A pure file imports files of the pure folders and the named packages. Of `typesOf` it may import types, since those are
 * gone at run time (by `import type`; an inline `type` leaves the import standing).
 */
export default {
  meta: {
    type: 'problem',
    schema: [
      {
        type: 'object',
        properties: {
          /** A regular expression of paths with forward slashes. */
          within: { type: 'string' },
          packages: { type: 'array', items: { type: 'string' } },
          /** A prefix of package names. */
          typesOf: { type: 'string' },
        },
        required: ['within', 'packages'],
        additionalProperties: false,
      },
    ],
    messages: {
      leaves:
        '`{{source}}` leaves the pure folder. What it needs from outside (time, ids, look-ups) comes in with the command.',
      impure:
        '`{{source}}` is not among the imports of pure code ({{packages}}): no framework, no driver, no I/O here.',
    },
  },
  create(context) {
    const [{ within, packages, typesOf }] = context.options;
    const pure = new RegExp(within);
    const check = (node) => {
      const source = node.source?.value;
      if (typeof source !== 'string') return;
      if (source.startsWith('.')) {
        const file = resolve(dirname(context.filename), source).replaceAll(sep, '/');
        if (!pure.test(file)) {
          context.report({ node, messageId: 'leaves', data: { source } });
        }
        return;
      }
      const isType = (node.importKind ?? node.exportKind) === 'type';
      if (isType && typesOf !== undefined && source.startsWith(typesOf)) return;
      if (!packages.includes(source)) {
        context.report({ node, messageId: 'impure', data: { source, packages: packages.join(', ') } });
      }
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};
