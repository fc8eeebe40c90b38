import { type Service, SERVICES } from '@waybill/contracts';
import { serviceAway } from './upstreams.js';

interface OpenApi {
  readonly paths: object;
  readonly components?: { readonly schemas?: object };
  readonly [member: string]: unknown;
}

/** The documents of all services in one. A service that is away is an error: half a contract would be a wrong one. */
export const mergedDocument = async (addressOf: (service: Service) => string): Promise<OpenApi> => {
  const documents = await Promise.all(SERVICES.map(async (service) => documentOf(service, addressOf(service))));
  return documents.reduce((merged, document) => ({
    ...merged,
    paths: { ...merged.paths, ...document.paths },
    components: {
      ...merged.components,
      schemas: { ...merged.components?.schemas, ...document.components?.schemas },
    },
  }));
};

const documentOf = async (service: Service, address: string): Promise<OpenApi> => {
  try {
    const answer = await fetch(`${address}/openapi.json`, { signal: AbortSignal.timeout(5_000) });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    return (await answer.json()) as OpenApi;
  } catch (error) {
    throw serviceAway(service, error);
  }
};

/** Takes the place of the script in which each service's own page of documents holds its own contract. */
export const DOCS_SCRIPT = `window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: new URL('openapi.json', document.baseURI).href,
    dom_id: '#swagger-ui',
    deepLinking: true,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    layout: 'StandaloneLayout',
  });
};
`;
