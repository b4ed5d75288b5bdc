/** What came is no answer that anybody can read; it may be passing. The message goes on from "the answer cannot be read: ". */
export class UnreadableAnswer extends Error {}
