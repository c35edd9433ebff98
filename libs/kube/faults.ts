import { type ErrorCode, TranshipError } from '@tranship/contracts';

const codes: Readonly<Record<number, ErrorCode>> = {
  401: 'kube.forbidden',
  403: 'kube.forbidden',
  404: 'kube.not-found',
  409: 'kube.conflict',
};

/** A Status of the API server as our error; 429 and 5xx may be tried again. */
export function fault(status: number, answer: string, call: string): TranshipError {
  let message = answer.slice(0, 300);
  try {
    message = (JSON.parse(answer) as { message?: string }).message ?? message;
  } catch {
    // a proxy's page, told as it is
  }
  // What strict validation finds in an applied object comes as 500.
  const passing = status === 429 || (status >= 500 && !message.includes('failed to create typed patch object'));
  const code = codes[status] ?? (passing ? 'kube.unreachable' : 'kube.rejected');
  return new TranshipError(code, `${call}: ${message} (HTTP ${status})`);
}
