import { append } from './append.js';
import { eventHubsChangeLog, kinesisChangeLog } from './change-log.js';
import { eventHubsSink, kinesisSink } from './event-sink.js';
import { eventstoredb } from './eventstoredb.js';
import { exportPipeline } from './export-pipeline.js';
import { httpCommand } from './http-command.js';
import { eventHubsLane, kinesisLane } from './lane.js';
import { kafkaConsume } from './kafka-consume.js';
import { kafkaMemberships } from './kafka-memberships.js';
import { kafkaPublish } from './kafka-publish.js';
import { eventHubsLiveChange, kinesisLiveChange } from './live-change.js';
import { load } from './load.js';
import { eventHubsAway, kinesisAway } from './partner-away.js';
import { rebuild } from './rebuild.js';
import type { Bench } from './result.js';
import { s3Upload } from './s3-upload.js';
import { separateServices } from './separate-services.js';
import { sftpUpload } from './sftp-upload.js';

/** Every bench by the name that `--only` takes, in the order of the table. */
export const benches: Readonly<Record<string, Bench>> = {
  append,
  eventstoredb,
  rebuild,
  load,
  'export-pipeline': exportPipeline,
  'sftp-upload': sftpUpload,
  's3-upload': s3Upload,
  'kinesis-sink': kinesisSink,
  'event-hubs-sink': eventHubsSink,
  'kinesis-lane': kinesisLane,
  'event-hubs-lane': eventHubsLane,
  'kinesis-change-log': kinesisChangeLog,
  'event-hubs-change-log': eventHubsChangeLog,
  'kinesis-live-change': kinesisLiveChange,
  'event-hubs-live-change': eventHubsLiveChange,
  'kinesis-away': kinesisAway,
  'event-hubs-away': eventHubsAway,
  'http-command': httpCommand,
  'kafka-publish': kafkaPublish,
  'kafka-consume': kafkaConsume,
  'kafka-memberships': kafkaMemberships,
  'separate-services': separateServices,
};
