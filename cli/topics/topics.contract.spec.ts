import { setTimeout as sleep } from 'node:timers/promises';
import { WaybillError } from '@waybill/kernel';
import { topicsOfDeployment, withAdmin } from '@waybill/messaging/kafka';
import { readConfiguration } from '@waybill/service-kit/configuration';
import { describeWith } from '@waybill/testkit/availability';
import { findJars, type KafkaCluster, startKafka } from '@waybill/testkit/kafka';
import { applyCommand, checkCommand } from './topics.js';

describeWith('waybill topics, on a genuine Kafka', findJars(), (jars) => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafka(jars());
  }, 120_000);
  afterAll(() => cluster.stop(), 30_000);

  const run = async ({ run: command }: typeof applyCommand) => {
    const lines: string[] = [];
    const configuration = readConfiguration({ WAYBILL_KAFKA_BROKERS: cluster.brokers.join(',') });
    const code = await command({ configuration, print: (line) => lines.push(line) });
    return { code, output: lines.join('\n') };
  };
  /** What a controller decided reaches its broker a moment later. */
  const eventually = async (command: typeof applyCommand, pattern: RegExp) => {
    for (let tries = 1; ; tries++) {
      const { code, output } = await run(command);
      if (pattern.test(output) || tries === 50)
        return expect({ code, output }).toEqual({ code: 1, output: expect.stringMatching(pattern) });
      await sleep(100);
    }
  };
  const all = topicsOfDeployment().length;

  it('names what is missing, makes it, and has nothing to do the second time', async () => {
    const before = await run(checkCommand);
    expect(before.code).toBe(1);
    expect(before.output).toContain(`${all} topics: ${all} missing`);
    const applied = await run(applyCommand);
    expect(applied.code).toBe(0);
    expect(applied.output).toMatch(/made {5}waybill\.audience\.memberships, 12 partitions/);
    expect(applied.output).toMatch(/made {5}waybill\.audience\.memberships\.audience\.dlq/);
    expect(await run(applyCommand)).toEqual({ code: 0, output: `${all} topics: ${all} fine` });
    expect(await run(checkCommand)).toEqual({ code: 0, output: `${all} topics: ${all} fine` });
  });

  it('brings settings back, and keeps those that an operator added', async () => {
    const name = 'waybill.account.events';
    const resource = (entries: Record<string, string>) => ({
      validateOnly: false,
      resources: [
        { type: 2, name, configEntries: Object.entries(entries).map(([key, value]) => ({ name: key, value })) },
      ],
    });
    await withAdmin(cluster, (admin) =>
      admin.alterConfigs(resource({ 'retention.ms': '1000', 'segment.ms': '60000' })),
    );
    await eventually(checkCommand, /differs {2}waybill\.account\.events: retention\.ms is 1000/);
    expect((await run(applyCommand)).output).toMatch(/changed {2}waybill\.account\.events: retention\.ms from 1000/);
    const { resources } = await withAdmin(cluster, (admin) =>
      admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name, configNames: ['segment.ms'] }] }),
    );
    expect(resources[0]?.configEntries[0]?.configValue).toBe('60000');
  });

  it('says that partitions cannot be changed, and leaves them', async () => {
    const name = 'waybill.catalog.replies';
    await withAdmin(cluster, (admin) => admin.createPartitions({ topicPartitions: [{ topic: name, count: 8 }] }));
    const said =
      /differs {2}waybill\.catalog\.replies: 8 partitions and should have 6\. Kafka cannot take partitions away/;
    await eventually(checkCommand, said);
    expect(await run(applyCommand)).toEqual({ code: 1, output: expect.stringMatching(said) });
  });

  it('says that nobody answers, or that nobody was named', async () => {
    const nowhere = readConfiguration({ WAYBILL_KAFKA_BROKERS: '127.0.0.1:1' });
    await expect(checkCommand.run({ configuration: nowhere, print: () => undefined })).rejects.toThrow(WaybillError);
    const unset = readConfiguration({});
    await expect(checkCommand.run({ configuration: unset, print: () => undefined })).rejects.toThrow(
      /WAYBILL_KAFKA_BROKERS/,
    );
  });
});
