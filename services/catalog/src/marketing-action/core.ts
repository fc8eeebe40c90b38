export interface MarketingAction {
  readonly name: string;
  readonly friendlyName: string;
  readonly description: string;
}

/** Given to every tenant, the same for all, and not to be changed. */
export const CORE_MARKETING_ACTIONS: readonly MarketingAction[] = [
  { name: 'analytics', friendlyName: 'Analytics', description: 'Measure and report on the use of own sites and apps.' },
  {
    name: 'combineWithPii',
    friendlyName: 'Combine with directly identifiable data',
    description: 'Join directly identifiable data with data that was anonymous.',
  },
  {
    name: 'crossSiteTargeting',
    friendlyName: 'Cross Site Targeting',
    description: 'Target advertising with data from several sites.',
  },
  {
    name: 'dataScience',
    friendlyName: 'Data Science',
    description: 'Build models and analyse, machine learning included.',
  },
  { name: 'emailTargeting', friendlyName: 'Email Targeting', description: 'Send email campaigns.' },
  {
    name: 'exportToThirdParty',
    friendlyName: 'Export to Third Party',
    description: 'Send data to companies that have no relationship with the customer of their own.',
  },
  {
    name: 'onsiteAdvertising',
    friendlyName: 'Onsite Advertising',
    description: 'Choose and measure advertisements on own sites and apps.',
  },
  {
    name: 'onsitePersonalization',
    friendlyName: 'Onsite Personalization',
    description: 'Choose what own sites and apps show.',
  },
  { name: 'segmentMatch', friendlyName: 'Segment Match', description: 'Exchange audiences with another organisation.' },
  {
    name: 'singleIdentityPersonalization',
    friendlyName: 'Single Identity Personalization',
    description: 'Personalise by one identity, without joining it to others.',
  },
];

const CORE_NAMES = new Set(CORE_MARKETING_ACTIONS.map(({ name }) => name.toLowerCase()));

/** Whatever the case: `EmailTargeting` beside `emailTargeting` would only confuse. */
export const isCore = (name: string): boolean => CORE_NAMES.has(name.toLowerCase());
