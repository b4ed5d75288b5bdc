/** What is asked and what is answered: the words that the files of this room share. */

export interface HttpCall {
  method: string;
  /** Whole URL, query included. */
  url: string;
  headers: { [name: string]: string };
  body?: string | Buffer;
  /** For messages: the resource and the path as the spec writes it. Never a query value, never a row's value. */
  what: string;
  /** What to check when the server answers 401 or 403. */
  credentials: string;
}

export interface HttpResponse {
  status: number;
  /** Valid until the client's next call: its calls come one after the other, and share the memory. */
  body: Buffer;
  /** Value of a header, several joined by ", "; undefined when absent. Any case. */
  header(name: string): string | undefined;
}
