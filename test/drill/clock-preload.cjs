/**
 * Preloaded into a host of the drill: `{ clock: milliseconds }` from its parent moves this process's clock, as when
 * somebody sets a host's time. Timers and the monotonic clock go on as before.
 */
const RealDate = Date;
const realOrigin = performance.timeOrigin;
let shift = 0;

class ShiftedDate extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + shift);
    else super(...args);
  }
  static now() {
    return RealDate.now() + shift;
  }
}
globalThis.Date = ShiftedDate;
Object.defineProperty(performance, "timeOrigin", { get: () => realOrigin + shift, configurable: true });
process.on("message", message => {
  if (typeof message === "object" && message !== null && "clock" in message) shift = message.clock;
});
