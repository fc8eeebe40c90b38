import type { FieldError } from '@waybill/kernel';
import { type MappingFieldInput, mappingInvalid, sizeFaults, sourceOf, UNKNOWN_SOURCE } from './mapping.js';
import type { Mapping, MappingField } from './shapes.js';

/** What a destination that delivers events starts with: memberships and identities stand in every event anyway. */
export const DEFAULT_EVENT_MAPPING: Mapping = { revision: 0, fields: [] };

/** What stands at the top of every event (profile-event.ts). */
export const RESERVED_MEMBERS: readonly string[] = ['segmentMembership', 'identityMap', 'waybill'];

const MAX_TARGET = 256;
const MAX_DEPTH = 16;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * The fields of the events of a destination, defaults filled in. A target is a path into nested objects:
 * `person.name.firstName`. None of the rules of files apply: any number of identities, no key, no order of columns. Throws
 * `mapping-invalid` (refused) that names every fault.
 */
export const checkEventMapping = (inputs: readonly MappingFieldInput[]): readonly MappingField[] => {
  const faults: FieldError[] = [...sizeFaults(inputs)];
  const targets = new Map<string, number>();
  inputs.forEach(({ source, target, key }, index) => {
    const blame = (member: keyof MappingField, message: string): void => {
      faults.push({ path: `fields.${index}.${member}`, message });
    };
    const sourceFault = faultOfSource(source);
    if (sourceFault) blame('source', sourceFault);
    const targetFault = faultOfTarget(target) ?? clashOf(target, targets);
    if (targetFault) blame('target', targetFault);
    else targets.set(target, index);
    if (key) blame('key', 'is for files, where it tells duplicates; in events each profile stands for itself');
  });
  if (faults.length > 0) throw mappingInvalid(faults);
  return inputs.map(({ source, target, required = false }) => ({ source, target, required, key: false }));
};

const faultOfSource = (text: string): string | undefined => {
  const source = sourceOf(text);
  if (!source) return `"${text}" ${UNKNOWN_SOURCE}`;
  if (source.kind !== 'segment') return undefined;
  return `"${text}" is for files; in events every membership stands in segmentMembership, with its status and time`;
};

const faultOfTarget = (target: string): string | undefined => {
  const path = target.split('.');
  const [top = ''] = path;
  if (RESERVED_MEMBERS.includes(top)) return `"${top}" stands in every event already; take another name`;
  if (target.length > MAX_TARGET || CONTROL.test(target) || path.some((name) => name.trim() === '')) {
    return `must be a path of names with dots between, such as person.name.firstName, of at most ${MAX_TARGET} characters`;
  }
  return path.length > MAX_DEPTH ? `must be nested at most ${MAX_DEPTH} levels deep` : undefined;
};

/** One place holds a value or has members of its own, not both. */
const clashOf = (target: string, targets: ReadonlyMap<string, number>): string | undefined => {
  for (const [other, index] of targets) {
    if (other === target) return `"${target}" is named by fields.${index} already`;
    if (other.startsWith(`${target}.`) || target.startsWith(`${other}.`)) {
      return `"${target}" and "${other}" (fields.${index}) cannot both be there: one of them would be inside of the other's value`;
    }
  }
  return undefined;
};
