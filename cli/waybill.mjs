#!/usr/bin/env node
// `npx waybill …` in a clone: builds what changed and runs main.ts on the Node that npm brought, as every npm script does.
process.argv.splice(2, 0, 'waybill');
await import('../tools/bootstrap.mjs');
