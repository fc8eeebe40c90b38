import type { Decider, DomainEvent } from '@waybill/kernel';
import { specOf } from './decider-spec.js';
import { type Counter, type CounterCommand, type CounterEvent, decider } from './fixtures/counter.js';

const given = specOf(decider);
const opened = { type: 'CounterOpened', data: { by: 'ada' } } as const;
const counted = { type: 'Counted.v2', data: { steps: 1 } } as const;

describe('given / when / then', () => {
  it('passes when the events, the refusal or the silence is as expected', () => {
    given([]).when({ type: 'open', by: 'ada' }).then([opened]);
    given([opened, counted]).when({ type: 'count', times: 2 }).then([counted, counted]);
    given([opened]).when({ type: 'open', by: 'bob' }).thenNothing();
    const refusal = given([]).when({ type: 'count', times: 1 }).thenRefuses('counter-not-open');
    expect(refusal.kind).toBe('conflict');
  });

  it('fails when they are not', () => {
    expect(() => given([]).when({ type: 'open', by: 'ada' }).then([counted])).toThrow(/strictly deep-equal/);
    expect(() => given([]).when({ type: 'open', by: 'ada' }).then([opened, opened])).toThrow(/strictly deep-equal/);
    expect(() => given([]).when({ type: 'open', by: 'ada' }).thenNothing()).toThrow(/strictly deep-equal/);
    expect(() => given([]).when({ type: 'open', by: 'ada' }).thenRefuses('x')).toThrow(/expected a refusal \(x\)/);
    expect(() => given([]).when({ type: 'count', times: 1 }).thenRefuses('x')).toThrow(/counter-not-open/);
    expect(() => given([]).when({ type: 'count', times: 1 }).then([counted])).toThrow('Open it first.');
    expect(() => given([]).when({ type: 'count', times: 1 }).thenNothing()).toThrow('Open it first.');
  });

  it('fails on a defect of the decider, whatever was expected', () => {
    const broken = (change: Partial<Decider<Counter, CounterCommand, CounterEvent>>) =>
      specOf({ ...decider, ...change })([opened]);
    const changesState = (_: CounterCommand, state: Counter) => {
      (state as { total: number }).total = 5;
      return [];
    };
    const changed = broken({ decide: changesState }).when({ type: 'open', by: 'ada' });
    expect(() => changed.thenNothing()).toThrow(/Cannot assign to read only property 'total'/);
    const changesItself = (state: Counter) => {
      (state as { total: number }).total += 1;
      return state;
    };
    expect(() => broken({ evolve: changesItself }).when({ type: 'open', by: 'ada' })).toThrow(
      /read only property 'total'/,
    );
    const chokes = (state: Counter, event: DomainEvent) => {
      if (event.type === 'Counted.v2' && !state.opened) throw new Error('not open');
      return decider.evolve(state, event as CounterEvent);
    };
    expect(() => broken({ evolve: chokes }).when({ type: 'count', times: 1 })).toThrow(
      /evolve threw at Counted.v2 in the state {"opened":false,"total":0}/,
    );
  });

  it('lets a programming error through as it is', () => {
    const decide = () => {
      throw new TypeError('undefined is not a function');
    };
    const spec = specOf({ ...decider, decide })([opened]);
    expect(() => spec.when({ type: 'open', by: 'ada' }).thenRefuses('counter-not-open')).toThrow(TypeError);
  });
});
