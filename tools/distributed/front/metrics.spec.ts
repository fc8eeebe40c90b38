import { mergeExpositions } from './metrics.js';

const requests = (count: number) =>
  `# HELP requests How many\n# TYPE requests counter\nrequests{route="/v1/{id}",status="200"} ${count}\nrequests{route="a \\"b\\" c"} 1 1700000000\n`;

describe('the metrics of several processes', () => {
  it('are one exposition, in which each metric stands once and each sample says whose it is', () => {
    const text = mergeExpositions([
      { service: 'account', text: `${requests(3)}\n# TYPE up gauge\nup 1\n` },
      { service: 'catalog', text: requests(5) },
    ]);
    expect(text).toBe(
      [
        '# HELP requests How many',
        '# TYPE requests counter',
        'requests{service="account",route="/v1/{id}",status="200"} 3',
        'requests{service="account",route="a \\"b\\" c"} 1 1700000000',
        'requests{service="catalog",route="/v1/{id}",status="200"} 5',
        'requests{service="catalog",route="a \\"b\\" c"} 1 1700000000',
        '# TYPE up gauge',
        'up{service="account"} 1',
        '',
      ].join('\n'),
    );
  });

  it('keep the service that a sample names itself', () => {
    const text = mergeExpositions([
      {
        service: 'catalog',
        text: '# TYPE lag gauge\nlag{service="account",projection="p"} 0\nlag{projection="q"} 2e-7\n',
      },
    ]);
    expect(text).toContain('\nlag{service="account",projection="p"} 0\n');
    expect(text).toContain('\nlag{service="catalog",projection="q"} 2e-7\n');
  });

  it('name the process where a service has several, so that no sample stands twice', () => {
    const text = mergeExpositions([
      { service: 'account', instance: '127.0.0.1:1', text: '# TYPE up gauge\nup 1\n' },
      { service: 'account', instance: '127.0.0.1:2', text: '# TYPE up gauge\nup 1\n' },
    ]);
    expect(text.match(/^up.*/gm)).toEqual([
      'up{service="account",instance="127.0.0.1:1"} 1',
      'up{service="account",instance="127.0.0.1:2"} 1',
    ]);
  });
});
