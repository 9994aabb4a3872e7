/**
 * pi's three experiment tools, with Sprag behind them. An agent may say which metric, commit and status it believes in;
 * Sprag measures, and where the two differ the answer is what was measured.
 *
 * It only calls `sprag`, which must be on the PATH. It starts no session of its own and touches no file.
 */
import type { ExtensionAPI } from "@earendil-works/pi-coding-agent";
import { Type } from "typebox";

/** What `sprag check --json` says that is needed here. */
interface Checked {
  ready: boolean;
  diagnostics: { severity: string; message: string; line?: number; help?: string }[];
  readiness: { what: string; required: boolean; state: string; detail: string; add: string | null }[];
}

/** What `sprag bench --json` says. */
interface Benched {
  metrics: Record<string, number>;
  findings: { reason: string; detail: string }[];
}

/** What `sprag try --json` says: a row, or an event where there was nothing to judge. */
interface Tried {
  outcomes: { run?: number; event?: string }[];
}

/** What `sprag show N --json` says that is needed here. */
interface Shown {
  metric: { name: string };
  run: { commit: string; metric: number | null; status: string; reason: string; detail: string };
}

/** So much of a value may be lost where an agent rounds it. */
const ROUNDING = 0.005;

const text = (lines: string[], details: unknown) => ({
  content: [{ type: "text" as const, text: lines.join("\n") }],
  details,
});

export default function (pi: ExtensionAPI) {
  /** Calls Sprag. Its exit code says how it was judged; only where it printed no JSON has it failed. */
  async function sprag<T>(args: string[], cwd: string, signal?: AbortSignal): Promise<T> {
    const ended = await pi.exec("sprag", args, { cwd, signal });
    try {
      return JSON.parse(ended.stdout) as T;
    } catch {
      throw new Error(`sprag ${args[0]}: ${(ended.stderr || ended.stdout).trim() || `exit code ${ended.code}`}`);
    }
  }

  pi.registerTool({
    name: "init_experiment",
    label: "Check the spec",
    description:
      "Show whether the spec of this repository is ready for experiments, and what Sprag measures. The spec is the person's " +
      "file .auto/prompt.md; this tool changes nothing in it.",
    parameters: Type.Object({
      name: Type.Optional(Type.String({ description: "What you call the session" })),
      metric_name: Type.Optional(Type.String({ description: "The metric that you believe is judged" })),
      metric_unit: Type.Optional(Type.String()),
      direction: Type.Optional(Type.String({ description: "lower or higher" })),
    }),
    async execute(_id, claimed, signal, _update, ctx) {
      const checked = await sprag<Checked>(["check", "--json"], ctx.cwd, signal);
      const lines = checked.diagnostics.map((found) => {
        const place = found.line === undefined ? "" : ` (line ${found.line})`;
        return `${found.severity}: ${found.message}${place}${found.help ? `; ${found.help}` : ""}`;
      });
      for (const need of checked.readiness.filter((need) => need.state === "missing")) {
        lines.push(`missing: ${need.what}: ${need.detail}${need.add ? `; add: ${need.add}` : ""}`);
      }
      const number = checked.readiness.find((need) => need.what === "one number")?.detail ?? "unknown";
      lines.push(`The metric: ${number}.`);
      const { metric_name, direction } = claimed;
      if (metric_name && !number.startsWith(`${metric_name},`)) {
        lines.push(`You said \`${metric_name}\`. The spec decides, and only the person changes it.`);
      }
      if (direction && !number.includes(`${direction} is better`)) {
        lines.push(`You said that ${direction} is better. The spec decides.`);
      }
      lines.push(checked.ready ? "The spec is ready." : "The spec is not ready: mend it with the person first.");
      return text(lines, { checked, claimed });
    },
  });

  pi.registerTool({
    name: "run_experiment",
    label: "Measure",
    description:
      "Measure the working tree once, by the command of the spec. It decides nothing: log_experiment has the edit judged.",
    parameters: Type.Object({
      command: Type.Optional(Type.String({ description: "Not needed: the spec says what is run" })),
      timeout_seconds: Type.Optional(Type.Number()),
      checks_timeout_seconds: Type.Optional(Type.Number()),
    }),
    async execute(_id, claimed, signal, _update, ctx) {
      const benched = await sprag<Benched>(["bench", "--json"], ctx.cwd, signal);
      const lines = Object.entries(benched.metrics).map(([name, value]) => `METRIC ${name}=${value}`);
      lines.push(...benched.findings.map((found) => `${found.reason}: ${found.detail}`));
      if (claimed.command) lines.push("Run was the command of the spec, whichever you named.");
      lines.push("Nothing was decided: one run says little where numbers are noisy.");
      return text(lines, { benched });
    },
  });

  pi.registerTool({
    name: "log_experiment",
    label: "Have it judged",
    description:
      "Have Sprag judge the working tree against the best code so far. Whatever metric, commit and status you pass is " +
      "compared with what is measured; what is measured counts.",
    promptSnippet: "Have Sprag judge the edit in the working tree",
    promptGuidelines: [
      "After log_experiment says that an edit is not kept, undo that edit yourself: Sprag leaves the files alone.",
    ],
    parameters: Type.Object({
      description: Type.String({ description: "What you changed, in one line" }),
      metric: Type.Optional(Type.Number({ description: "What you believe it is now" })),
      status: Type.Optional(Type.String({ description: "What you believe becomes of it" })),
      commit: Type.Optional(Type.String({ description: "Not needed: nothing is committed to a branch of the person" })),
      metrics: Type.Optional(Type.Record(Type.String(), Type.Number())),
      asi: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      force: Type.Optional(Type.Boolean()),
    }),
    async execute(_id, claimed, signal, _update, ctx) {
      const tried = await sprag<Tried>(["try", "--json", `--message=${claimed.description}`], ctx.cwd, signal);
      const outcome = tried.outcomes[0];
      if (outcome?.run === undefined) {
        return text([`Nothing was judged: ${outcome?.event ?? "nothing to judge"}.`], { tried, claimed });
      }
      const { metric, run } = await sprag<Shown>(["show", String(outcome.run), "--json"], ctx.cwd, signal);
      const isKept = run.status === "keep";
      // What was refused or crashed has no number, whatever stands in its row for older readers.
      const isMeasured = isKept || run.status === "discard";
      const value = isMeasured ? run.metric : null;
      const measured = value === null ? "unknown" : String(value);
      const lines = [`Run ${outcome.run}: ${run.status} (${run.reason}), ${metric.name} ${measured}.`];
      if (run.detail) lines.push(run.detail);
      const differences: string[] = [];
      // A value that was rounded is the value.
      const isSame = (said: number) => value !== null && Math.abs(said - value) <= ROUNDING * Math.abs(value);
      if (claimed.metric !== undefined && !isSame(claimed.metric)) {
        differences.push(`You said that ${metric.name} is ${claimed.metric}. Measured: ${measured}.`);
      }
      if (claimed.status !== undefined && claimed.status !== run.status) {
        differences.push(`You said ${claimed.status}. Judged: ${run.status}.`);
      }
      if (claimed.commit && !run.commit.startsWith(claimed.commit)) {
        differences.push(`You said commit ${claimed.commit}. What was judged is ${run.commit.slice(0, 7)}, in Sprag's own store.`);
      }
      lines.push(...differences);
      lines.push(
        isKept
          ? "It is the best code now. Leave it as it is, and go on from it."
          : "It is not kept. Undo this edit before the next one: Sprag leaves your files alone.",
      );
      return text(lines, { run, claimed, differences });
    },
  });
}
