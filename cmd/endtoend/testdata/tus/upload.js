// Uploads FILE to ENDPOINT with TOKEN in pieces of PIECE bytes, stopping once after HALF of it as a closed laptop does,
// and prints the URL of the finished upload.
const fs = require('fs');
const tus = require('tus-js-client');
const [endpoint, token, file, id, piece] = process.argv.slice(2);
const size = fs.statSync(file).size;
const options = {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: 'letter.mp3', filetype: 'audio/mpeg', id, kind: 'letter', title: '편지', language: 'ko-KP', tags: 'spring,family' },
  chunkSize: Number(piece),
  retryDelays: [50, 100, 200, 500, 1000, 2000],
  urlStorage: new tus.FileUrlStorage(process.env.TUS_URLS),
  onError(error) { console.error(String(error)); process.exit(1); },
};
let stopped = false;
const first = new tus.Upload(fs.createReadStream(file), { ...options,
  onProgress(sent) {
    if (!stopped && sent > size / 2) {
      stopped = true;
      first.abort().then(resume);
    }
  },
  onSuccess() { console.error('it did not stop half-way'); process.exit(1); },
});
async function resume() {
  const again = new tus.Upload(fs.createReadStream(file), { ...options, uploadUrl: first.url, onSuccess() { console.log(again.url); } });
  again.start();
}
first.start();
