import { createServer, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import { eventually } from './testing/eventually.js';
import { endOf, exportNow, loadSegment, setUpDelivery } from './testing/exports.js';
import { type SftpPartner, startSftpPartner } from './testing/sftp-partner.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}
interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

/** Takes traces as any receiver of OpenTelemetry does (OTLP over HTTP, as JSON). */
let receiver: Server;
let received = '';
const spans: Span[] = [];
let waybill: Waybill;
let partner: SftpPartner;

beforeAll(async () => {
  receiver = createServer((request, response) => {
    void json(request).then((body) => {
      received += JSON.stringify(body);
      for (const { scopeSpans } of (body as Export).resourceSpans)
        spans.push(...scopeSpans.flatMap((one) => one.spans));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => receiver.once('listening', resolve));
  const { port } = receiver.address() as AddressInfo;
  [waybill, partner] = await Promise.all([
    startWaybill({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '200',
    }),
    startSftpPartner('a-pass-word-of-the-partner'),
  ]);
});
afterAll(async () => {
  await Promise.all([waybill?.close(), partner?.stop()]);
  receiver.close();
});

/** What follows from what, up to the request. */
const PUBLISHED = ['POST /v1/destinations/:id/runs', 'command RequestRun', 'execute run', 'publish sftp'];
const PROVEN = [
  'POST /v1/accounts',
  'command ConnectAccount',
  'message waybill.account.AccountConnectionRequested.v1',
  'command RequestValidation',
  'prove sftp',
];
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('a trace', () => {
  it("goes from the caller's request through messages to the partner's system, under the caller's own trace id", async () => {
    const api = waybill.api({ traceparent: `00-${TRACE}-00f067aa0ba902b7-01` });
    await loadSegment(api, 'loyal', 'email', 'email,city\njo@example.com,Bern\n');
    const { id } = await setUpDelivery(api, {
      ...{ name: 'Partner', type: 'sftp', authentication: partner.authentication(), target: { folder: 'incoming' } },
      ...{ files: {}, segmentId: 'loyal', identity: 'email', attributes: ['city'] },
    });
    expect(await endOf(api, await exportNow(api, id))).toMatchObject({ status: 'completed' });

    const ours = await eventually(
      async () => spans.filter(({ traceId }) => traceId === TRACE),
      // A span is exported when it has ended, and what follows from it may have ended before.
      (found) => [...PUBLISHED, ...PROVEN].every((name) => found.some((span) => span.name === name)),
      30_000,
    );
    const byId = new Map(ours.map((span) => [span.spanId, span]));
    /** From a span up to the request that it follows from. */
    const line = (name: string): readonly string[] => {
      const names: string[] = [];
      for (let span = ours.find((one) => one.name === name); span; span = byId.get(span.parentSpanId ?? '')) {
        names.unshift(span.name);
      }
      return names;
    };
    expect(line('publish sftp')).toEqual(PUBLISHED);
    expect(line('prove sftp')).toEqual(PROVEN);
  }, 90_000);

  it('names nobody and holds no secret', () => {
    expect(received).toContain('waybill.service');
    for (const never of ['jo@example.com', 'Bern', 'a-pass-word-of-the-partner']) expect(received).not.toContain(never);
  });
});
