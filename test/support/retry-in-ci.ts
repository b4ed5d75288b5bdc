/**
 * In CI a test gets a second try, and its first error is printed: the lanes on real servers share few cores with
 * strangers. Locally there is none, so that a shaky test is seen where it can be mended.
 */
if (process.env.CI) jest.retryTimes(1, { logErrorsBeforeRetry: true });
