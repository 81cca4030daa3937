// The types of the JavaScript SDK, and what each thing means.

/** One completion of one task. */
export declare class Submission {
  constructor(given: { prompt?: string; completion: string; reference?: string; metadata?: string });
  /** The prompt as the policy saw it, or the last user message of a chat. */
  readonly prompt: string;
  /** The text that the policy wrote. */
  readonly completion: string;
  /** The ground truth, when the task has one. */
  readonly reference?: string;
  /** The task's other columns. It may gain keys: ignore those you do not know. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The ground truth; throws `InvalidTask` where the task has none. */
  requireReference(): string;
  /** One column of the task; throws `InvalidTask` where it is missing. */
  require(column: string): unknown;
}

/** What a submission is worth. A wrong answer is a verdict with a low reward. */
export type Verdict<Metric extends string = string> = {
  /** Finite. By custom 0 is wrong and 1 is right. */
  reward: number;
  /** One line for a person: what was extracted and how it was compared. */
  reason?: string;
} & Metrics<Metric>;

/** Named numbers, all finite: every one of the plugin's metrics, none where it has none. */
export type Metrics<Metric extends string> = [Metric] extends [never]
  ? { metrics?: { readonly [name in string]: never } }
  : string extends Metric
    ? { metrics?: { readonly [name in string]: number } }
    : { metrics: { readonly [name in Metric]: number } };

/** A reward of 1 where `right`, else of 0. */
export declare function rightIf(right: boolean, reason?: string): Verdict<never>;
export declare function rightIf<const Named extends { readonly [name in string]: number }>(
  right: boolean,
  reason: string | undefined,
  metrics: Named,
): { reward: number; reason?: string; metrics: Named };

/** A text as one line of at most `length` characters that is safe to print: for reasons. */
export declare function excerpt(text: string, length?: number): string;

/** The options make no sense together. Throw it before you look at the submission. */
export declare class InvalidOptions extends Error {}
/** The reference or the metadata is not what this verifier needs. */
export declare class InvalidTask extends Error {}
/** The verifier cannot judge this submission; leave it out. */
export declare class Abstain extends Error {}
/** The verifier failed. Whatever else is thrown becomes this. */
export declare class InternalError extends Error {}

/** An option of the plugin. Without default it has to be given. */
export interface Option<T> {
  readonly schema: object;
  readonly wanted: string;
  readonly fits: (value: unknown) => boolean;
  readonly fallback: T | undefined;
}

interface About<T> {
  default?: T;
  /** One sentence. */
  description?: string;
}

interface Limits extends About<number> {
  minimum?: number;
  maximum?: number;
}

export declare function integer(limits?: Limits): Option<number>;
export declare function number(limits?: Limits): Option<number>;
export declare function boolean(about?: About<boolean>): Option<boolean>;
export declare function string(about?: About<string>): Option<string>;
export declare function oneOf<const T extends string>(values: readonly T[], about?: About<NoInfer<T>>): Option<T>;
export declare function list<T>(of: Option<T>, about?: About<readonly T[]> & { minItems?: number }): Option<readonly T[]>;

/** The values that options come to. */
export type Values<Options> = { readonly [Name in keyof Options]: Options[Name] extends Option<infer T> ? T : never };

/** Reads a JSON object of options as a plugin does; throws `InvalidOptions`. For tests. */
export declare function readOptions<Options extends Record<string, Option<any>>>(options: Options, json: string): Values<Options>;

/** What gavel calls. */
export interface Verifier {
  describe(): { name: string; version: string; summary: string; options: string; metrics: string[] };
  /** Rejects with `{ tag, val }`, the contract's error code. */
  verify(
    submission: { prompt: string; completion: string; reference?: string; metadata: string },
    options: string,
  ): Promise<{ reward: number; reason?: string; metrics: [string, number][] }>;
}

/** Makes a plugin's verifier: `export const verifier = plugin({ … })`. */
export declare function plugin<const Options extends Record<string, Option<any>> = {}, const Metric extends string = never>(definition: {
  /** Kebab-case, as a reward file calls it. */
  name: string;
  /** Semantic version of the plugin. */
  version: string;
  /** One sentence. */
  summary: string;
  /** What a reward file may set. Other names are refused. */
  options?: Options;
  /** The names of the metrics that every verdict carries. */
  metrics?: readonly Metric[];
  /** Judges one submission. It may wait (`setTimeout`): time is virtual, and waiting costs none. */
  verify(
    submission: Submission,
    options: Values<Options>,
  ): Verdict<NoInfer<Metric>> | Promise<Verdict<NoInfer<Metric>>>;
}): Verifier;

/** What gavel calls of a plugin that judges the completions of a prompt together. */
export interface GroupVerifier {
  describe(): { name: string; version: string; summary: string; options: string; metrics: string[] };
  /** For each submission, in their order, its verdict or the contract's error code. */
  verifyGroup(
    submissions: { prompt: string; completion: string; reference?: string; metadata: string }[],
    options: string,
  ): Promise<
    (
      | { tag: 'ok'; val: { reward: number; reason?: string; metrics: [string, number][] } }
      | { tag: 'err'; val: { tag: string; val: string } }
    )[]
  >;
}

/**
 * Makes a plugin that judges the completions of a prompt together: `export const groupVerifier = groupPlugin({ … })`, and no
 * `verifier` beside it.
 */
export declare function groupPlugin<const Options extends Record<string, Option<any>> = {}, const Metric extends string = never>(definition: {
  /** Kebab-case, as a reward file calls it. */
  name: string;
  /** Semantic version of the plugin. */
  version: string;
  /** One sentence. */
  summary: string;
  /** What a reward file may set. Other names are refused. */
  options?: Options;
  /** The names of the metrics that every verdict carries. */
  metrics?: readonly Metric[];
  /**
   * Judges all completions of one prompt, at least one: a list with as many verdicts, in their order. Where one has none, an
   * error (such as `new Abstain(…)`) stands in its place; one that is thrown is why none of them has a verdict.
   */
  verifyGroup(
    submissions: readonly Submission[],
    options: Values<Options>,
  ):
    | readonly (Verdict<NoInfer<Metric>> | InvalidTask | Abstain | InternalError)[]
    | Promise<readonly (Verdict<NoInfer<Metric>> | InvalidTask | Abstain | InternalError)[]>;
}): GroupVerifier;
