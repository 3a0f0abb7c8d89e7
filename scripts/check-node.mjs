// Runs on any Node: it must say in one line what is wrong before newer syntax or flags fail obscurely.
const [major, minor] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `Toolscope needs Node >= 22.19, this is ${process.versions.node}: run \`npm ci\` without --omit=optional (it brings Node 24 for the npm scripts), or install a newer Node.`
  )
  process.exit(1)
}
