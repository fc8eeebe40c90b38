import { messageOf } from '@waybill/kernel';
import { type Availability, unavailable } from '../availability/index.js';

/** The folders of the test kit that bring a real server. Each exports `prepare`, and answers whether it is there then. */
const counterparts = ['openssh', 'versitygw', 'radosgw', 'gnupg'] as const;

interface Counterpart {
  prepare(): Promise<Availability<unknown>> | Availability<unknown>;
}

const prepareOne = async (name: string): Promise<Availability<unknown>> => {
  try {
    const counterpart = (await import(`../${name}/index.js`)) as Counterpart;
    return await counterpart.prepare();
  } catch (error) {
    return unavailable(messageOf(error));
  }
};

/** Installs or builds every counterpart that can be had here, one after the other, and says what came of it. */
export const prepare = async (): Promise<void> => {
  console.log('Counterparts for the tests:');
  for (const name of counterparts) {
    const started = performance.now();
    const outcome = await prepareOne(name);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `  ${outcome.available ? `${name}: there` : `${name}: not to be had, ${outcome.reason}`} (${seconds} s)`,
    );
  }
};
