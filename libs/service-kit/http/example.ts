const examples = new Map<string, object>();

/** A body that people can begin with, shown in `/docs`; without it they see what a generator makes of the rules. */
export const Example =
  (example: object): ClassDecorator =>
  ({ name }) =>
    void examples.set(name, example);

/** By the name of the form, as the OpenAPI document knows it. */
export const exampleOf = (form: string): object | undefined => examples.get(form);
