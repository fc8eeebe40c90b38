import { messageOf } from '@waybill/kernel';
import { type Availability, unavailable } from '../availability/index.js';
import { findGnuPG } from '../gnupg/index.js';
import * as kafka from '../kafka/index.js';
import * as openssh from '../openssh/index.js';
import * as radosgw from '../radosgw/index.js';
import * as versitygw from '../versitygw/index.js';

/** The folder of a real server: installs or builds it where that may be done, and answers whether it is there then. */
interface Counterpart {
  prepare(): Promise<Availability<unknown>> | Availability<unknown>;
}

const counterparts: Readonly<Record<string, Counterpart>> = {
  openssh,
  versitygw,
  radosgw,
  kafka,
  gnupg: { prepare: findGnuPG },
};

/** One that breaks leaves the others be: its suites say that they could not run. */
const prepareOne = async (counterpart: Counterpart): Promise<Availability<unknown>> => {
  try {
    return await counterpart.prepare();
  } catch (error) {
    return unavailable(messageOf(error));
  }
};

/** Gets every counterpart ready that can be had here, one after the other, and says what came of it. */
export const prepare = async (): Promise<void> => {
  console.log('Counterparts for the tests:');
  for (const [name, counterpart] of Object.entries(counterparts)) {
    const started = performance.now();
    const outcome = await prepareOne(counterpart);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`  ${name}: ${outcome.available ? 'there' : `not to be had, ${outcome.reason}`} (${seconds} s)`);
  }
};
