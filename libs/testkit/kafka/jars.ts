import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Availability, available, unavailable } from '../availability/index.js';
import { cacheFolder, ensureDebianPackages, mayInstall } from '../install/index.js';

export const KAFKA_VERSION = '4.2.0';
const OLDEST_JAVA = 17;

/** The broker with all that it needs, and a logger that writes to standard error. */
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>waybill.test</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

const jarsFolder = (): string => join(cacheFolder('kafka'), KAFKA_VERSION);

const hasJava = (): boolean => {
  const { status, stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  return status === 0 && Number(/version "(\d+)/.exec(stderr)?.[1]) >= OLDEST_JAVA;
};

const hasMaven = (): boolean => spawnSync('mvn', ['-version'], { stdio: 'ignore' }).status === 0;

/** The folder of Kafka's jars, once they were fetched. */
export const findJars = (): Availability<string> => {
  if (!hasJava()) return unavailable(`Kafka needs Java ${OLDEST_JAVA} (Debian: openjdk-17-jre-headless)`);
  const folder = jarsFolder();
  return existsSync(folder)
    ? available(folder)
    : unavailable(
        `Kafka ${KAFKA_VERSION} was not fetched; CI=true or \`npm run counterpart -- kafka\` fetches it with Maven`,
      );
};

/** Fetches Kafka from Maven Central into the cache (43 MB, once); what is missing of Java and Maven only with CI=true. */
export const fetchJars = (): Availability<string> => {
  if (!hasJava()) ensureDebianPackages('/usr/bin/java', ['openjdk-17-jre-headless']);
  const found = findJars();
  if (found.available || !hasJava()) return found;
  if (!hasMaven()) ensureDebianPackages('/usr/bin/mvn', ['maven']);
  if (!hasMaven()) return unavailable('fetching Kafka needs Maven (Debian: maven)');
  const work = join(cacheFolder('kafka'), `.fetching-${process.pid}`);
  const pom = join(cacheFolder('kafka'), `pom-${process.pid}.xml`);
  try {
    writeFileSync(pom, POM);
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${work}`];
    const { status } = spawnSync('mvn', ['-q', '-B', '-f', pom, ...goal], { stdio: ['ignore', 'ignore', 'inherit'] });
    if (status !== 0) return unavailable(`Maven could not fetch Kafka ${KAFKA_VERSION}; its message stands above`);
    if (!existsSync(jarsFolder())) renameSync(work, jarsFolder());
    return findJars();
  } finally {
    rmSync(pom, { force: true });
    rmSync(work, { recursive: true, force: true });
  }
};

export const prepareJars = (): Availability<string> => (mayInstall() ? fetchJars() : findJars());
