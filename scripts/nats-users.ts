import { natsAuthorization } from '@tranship/contracts';

const variable = (user: string) => `$TRANSHIP_${user.toUpperCase().replaceAll('-', '_')}_PASSWORD`;

/** `deploy/nats/users.conf`: who may say and hear what, as nats-server reads it; passwords from its environment. */
export function usersConf(): string {
  const block = JSON.stringify(natsAuthorization(variable), null, 2);
  // A variable stands without quotes.
  return `# Made by scripts/nats-users.ts from libs/contracts/permissions.ts.\nauthorization: ${block.replace(/"(\$TRANSHIP_\w+)"/g, '$1')}\n`;
}

if (import.meta.main) process.stdout.write(usersConf());
