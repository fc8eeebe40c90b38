import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';

const DESCRIPTION = `Connect accounts, create destinations, activate segments, export, and read the history of it all.
Commands take \`Idempotency-Key\` and \`If-Match\`, and answer with \`ETag\` and \`X-Position\`; questions take \`X-Min-Position\`.
Errors are \`application/problem+json\`.`;

/** `/openapi.json` and `/docs`. Request bodies are described by the very classes that validate them. */
export const publishDocuments = (app: NestFastifyApplication): void => {
  const config = new DocumentBuilder()
    .setTitle('Waybill')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth()
    .build();
  const document = withForms(SwaggerModule.createDocument(app, config));
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'openapi.json', customSiteTitle: 'Waybill' });
};

/** Nest knows the names of body classes only; their rules are in class-validator. */
const withForms = (document: OpenAPIObject): OpenAPIObject => {
  const forms = validationMetadatasToSchemas({ refPointerPrefix: '#/components/schemas/' });
  const schemas = { ...document.components?.schemas };
  for (const [name, schema] of Object.entries(forms)) {
    const known = schemas[name];
    if (known && Object.keys((known as { properties?: object }).properties ?? {}).length > 0) continue;
    schemas[name] = schema as (typeof schemas)[string];
  }
  return { ...document, components: { ...document.components, schemas } };
};
