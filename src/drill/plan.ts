/**
 * The plan of a drill, drawn from its seed. Pure: the same seed gives the same rounds, and round K is the same whatever
 * is drawn after it, so that one round of a long drill can be replayed alone.
 */
import { everyFault, FAULT_KINDS, type FaultKind, type Moment, type PlannedFault } from "./faults";
import { Random } from "./random";

/** What the plan has to know of a scenario. */
export interface ScenarioOutline {
  name: string;
  phases: number;
  /** How often it is drawn, beside the others. */
  weight: number;
  /** Moments that its runs go through; `nth` is the greatest worth waiting for. */
  moments: readonly { step: string; phase?: string; nth: number }[];
  /** Faults that can strike it. */
  faults: readonly FaultKind[];
}

export interface Round {
  /** From 1. */
  round: number;
  scenario: string;
  /** Different data for the same scenario. */
  data_seed: number;
  faults: PlannedFault[];
}

export interface PlanOptions {
  seed: number;
  /** How many rounds, after the filters. */
  rounds: number;
  scenarios: readonly ScenarioOutline[];
  /** Faults that can be had here, e.g. no full disk where nothing can be mounted. */
  faults: readonly FaultKind[];
  /** Exactly this round. */
  round?: number;
  only_fault?: FaultKind;
  only_scenario?: string;
}

/** Few, since each costs an undisturbed run to compare with. */
const DATA_SEEDS = 3;
const SECOND_FAULT = 0.45;
const THIRD_FAULT = 0.15;
/** A filter that fits nothing must end. */
const MOST_LOOKED_AT = 20_000;

/** @throws RangeError when the filters leave no round */
export function planRounds(options: PlanOptions): Round[] {
  if (options.round !== undefined) return [planRound(options.round, options)];
  const chosen: Round[] = [];
  for (let number = 1; chosen.length < options.rounds && number <= MOST_LOOKED_AT; number++) {
    const round = planRound(number, options);
    if (options.only_scenario !== undefined && round.scenario !== options.only_scenario) continue;
    if (
      options.only_fault !== undefined &&
      everyFault(round.faults).every(({ kind }) => kind !== options.only_fault)
    ) {
      continue;
    }
    chosen.push(round);
  }
  if (chosen.length === 0) throw new RangeError("no round of this seed has such a scenario and fault");
  return chosen;
}

function planRound(number: number, { seed, scenarios, faults: available }: PlanOptions): Round {
  const random = new Random(`${seed}/${number}`);
  // Every fault leads a round once before any leads a second: also a short drill sees them all.
  const kinds = FAULT_KINDS.filter(kind => scenarios.some(one => one.faults.includes(kind)));
  const deck = new Random(`${seed}/deck/${Math.floor((number - 1) / kinds.length)}`).shuffled(kinds);
  const first = deck[(number - 1) % kinds.length]!;
  const fitting = scenarios.filter(one => one.faults.includes(first));
  const scenario = random.pick(fitting.flatMap(one => Array<ScenarioOutline>(one.weight).fill(one)));
  const data_seed = random.int(1, DATA_SEEDS);
  const wanted = [first];
  if (random.chance(SECOND_FAULT)) wanted.push(anotherFault(scenario, random));
  if (random.chance(THIRD_FAULT)) wanted.push(anotherFault(scenario, random));
  const faults = wanted
    .map(kind => drawFault(kind, scenario, random))
    .map(fault => withFollower(fault, scenario, random))
    // After drawing, so that what a machine cannot do changes nothing else in the plan.
    .filter(({ kind }) => available.includes(kind))
    .sort((a, b) => a.phase - b.phase);
  return { round: number, scenario: scenario.name, data_seed, faults };
}

/** Any fault beside the first; a host that dies or sleeps is the worst company. */
function anotherFault(scenario: ScenarioOutline, random: Random): FaultKind {
  const worst = (["kill_worker", "stop_worker"] as const).filter(kind => scenario.faults.includes(kind));
  return worst.length > 0 && random.chance(0.4) ? random.pick(worst) : random.pick(scenario.faults);
}

function drawFault(kind: FaultKind, scenario: ScenarioOutline, random: Random): PlannedFault {
  const fault: PlannedFault = {
    kind,
    phase: random.int(0, scenario.phases - 1),
    at: drawMoment(kind, scenario, random),
    host: random.chance(0.7) ? "busy" : random.chance(0.5) ? 0 : 1,
    seconds: 0,
  };
  switch (kind) {
    case "kill_worker":
      if (random.chance(0.3)) fault.stays = true;
      else fault.seconds = random.int(1, 6);
      break;
    case "stop_worker":
      fault.seconds = random.pick([5, 5, 8, 8, 12, 20, 25, 40]);
      break;
    case "terminate":
    case "reset":
      fault.how = random.pick(kind === "reset" ? ["run", "load"] : ["run", "load", "both"]);
      break;
    case "pause":
      fault.seconds = random.int(5, 8);
      break;
    case "restart_server":
    case "restart_database":
      fault.seconds = random.int(1, 4);
      break;
    case "bad_proxy":
      fault.how = random.pick(["drop", "delay", "truncate", "refuse", "duplicate"]);
      fault.requests = random.int(1, 6);
      break;
    case "disk_full":
      fault.seconds = random.int(2, 8);
      break;
    case "clock_jump":
      fault.how = random.pick(["forward", "back"]);
      break;
    default:
  }
  return fault;
}

/**
 * The worst that an operator can do about a host that is gone or silent is to end its run and start another: what the
 * host has on its disk must not be loaded once more when it comes back.
 */
function withFollower(fault: PlannedFault, scenario: ScenarioOutline, random: Random): PlannedFault {
  const kinds = (["terminate", "terminate", "cancel"] as const).filter(kind =>
    scenario.faults.includes(kind),
  );
  if (fault.kind !== "kill_worker" && fault.kind !== "stop_worker") return fault;
  if (!random.chance(0.5) || kinds.length === 0) return fault;
  const kind = random.pick(kinds);
  const afterwards: PlannedFault = {
    kind,
    phase: fault.phase,
    at: { after_ms: random.int(100, 3_000) },
    host: "busy",
    seconds: 0,
    ...(kind === "terminate" ? { how: random.pick(["run", "load", "both"]) } : {}),
  };
  if (fault.kind === "stop_worker" || random.chance(0.3)) return { ...fault, afterwards };
  return { ...fault, seconds: 0, stays: true, afterwards };
}

function drawMoment(kind: FaultKind, scenario: ScenarioOutline, random: Random): Moment {
  if (kind === "kill_dbt") return { step: "transform", nth: random.int(1, 3) };
  // A third strikes at a time of its own, also between the steps.
  if (random.chance(0.33)) return { after_ms: random.int(50, 2_500) };
  // Where rows come from is asked while they are extracted only, and a command takes a second to begin.
  const fitting = ["bad_proxy", "restart_database", "abort_packages"].includes(kind)
    ? scenario.moments.filter(({ step }) => step === "extract")
    : scenario.moments;
  const { nth, ...moment } = random.pick(fitting);
  return { ...moment, nth: random.int(1, nth) };
}
