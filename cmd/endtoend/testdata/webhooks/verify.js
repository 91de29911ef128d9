// Verifies deliveries with the scheme's own library for JavaScript: verify.js SECRET < deliveries, one JSON object
// {"headers", "body"} a line. It prints how many it took, and fails at one that it does not take or at one that it takes
// though it was changed.
const { Webhook } = require('standardwebhooks')
const lines = require('fs').readFileSync(0, 'utf8').trim().split('\n')
const webhook = new Webhook(process.argv[2])

const takes = (body, headers) => {
  try {
    webhook.verify(body, headers)
    return true
  } catch (e) {
    return false
  }
}

for (const line of lines) {
  const { headers, body } = JSON.parse(line)
  webhook.verify(body, headers)
  for (const changed of [[body + ' ', headers], [body, { ...headers, 'webhook-id': headers['webhook-id'] + '0' }]]) {
    if (takes(...changed)) throw new Error('taken though it was changed: ' + line)
  }
}
console.log(lines.length)
