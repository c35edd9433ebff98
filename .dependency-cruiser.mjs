// Who may import whom (ARCHITECTURE.md). A rule that finds nothing is kept: it is the promise.
const only = (name, module, home) => ({
  name,
  severity: 'error',
  from: { pathNot: `^${home}/` },
  to: { path: `node_modules/${module}` },
});

/** Packages that compute and touch nothing. */
const pure = ['node_modules/(yaml|croner)/'];

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'services-speak-in-messages',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'domain-is-pure',
      severity: 'error',
      from: { path: '/domain/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: ['/domain/', '^libs/contracts/', '^(node:)?(crypto|zlib)$', ...pure] },
    },
    {
      name: 'libs-know-no-service',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(services|cli|lab|e2e)/' },
    },
    {
      name: 'cli-knows-the-api-alone',
      severity: 'error',
      from: { path: '^cli/' },
      // A proof is checked with nothing else at hand: the arithmetic of leaves is all that it takes.
      to: { path: '^(services|libs/(?!contracts|blocks/(index|leaves)))' },
    },
    only('nats-only-in-bus', '@nats-io', 'libs/bus'),
    only('soap-only-in-vsphere', 'soap', 'libs/vsphere'),
    only('kubernetes-only-in-kube-and-lab', '@kubernetes', '(libs/kube|lab)'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // TypeScript 7 has no API for tools yet: sources are read by swc.
    parser: 'swc',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js'],
    },
  },
};
