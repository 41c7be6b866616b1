// A member of encrypted rooms, as Element Web is one: matrix-js-sdk with its Rust crypto.
//
// node element.mjs FOLDER HOMESERVER USER PASSWORD MODE, with the node_modules in FOLDER: signs in, and
// signs its device as people do. MODE is "signed" (what devices say that their owners have not signed
// stays hidden), "all", or "unsigned": this device itself stays so. Each line of standard input is the
// id of a room; the answer is a line of JSON with the room's messages, in order.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, baseUrl, user, password, mode] = process.argv.slice(2);
const library = (file) => import(pathToFileURL(`${folder}/node_modules/matrix-js-sdk/lib/${file}`));
const sdk = await library("index.js");
const { AllDevicesIsolationMode, OnlySignedDevicesIsolationMode } = await library("crypto-api/index.js");
const { logger } = await library("logger.js");

logger.setLevel("silent");
for (const level of ["debug", "log", "info", "warn"]) console[level] = () => {};  // of its parts
const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const proof = { type: "m.login.password", identifier: { type: "m.id.user", user }, password };
const login = await sdk.createClient({ baseUrl }).loginRequest(proof);
const client = sdk.createClient({
  baseUrl, accessToken: login.access_token, userId: login.user_id, deviceId: login.device_id, logger,
});
await client.initRustCrypto({ useIndexedDB: false });
const crypto = client.getCrypto();
if (mode !== "unsigned")
  await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (make) => make(proof) });
crypto.setDeviceIsolationMode(
  mode === "signed" ? new OnlySignedDevicesIsolationMode() : new AllDevicesIsolationMode(false));

const events = new Map();
client.on(sdk.ClientEvent.Event, (event) => {
  if (event.getId() && ["m.room.encrypted", "m.room.message"].includes(event.getWireType()))
    events.set(event.getId(), event);
});

async function seen(event) {
  await client.decryptEventIfNeeded(event);
  // Who has just come asks for the sender's identity while its first message arrives, and tries again.
  if (event.isDecryptionFailure()) await event.attemptDecryption(crypto, { isRetry: true });
  const isRead = event.isEncrypted() && !event.isDecryptionFailure() && !event.isRedacted();
  const info = isRead ? await crypto.getEncryptionInfoForEvent(event) : null;
  return {
    id: event.getId(),
    type: event.getType(),
    content: event.getContent(),
    wire: event.getWireContent(),
    encrypted: event.isEncrypted(),
    redacted: event.isRedacted(),
    failure: event.decryptionFailureReason,
    shield: info && ["none", "grey", "red"][info.shieldColour],
  };
}

createInterface({ input: process.stdin }).on("line", async (room) => {
  const all = [...events.values()].filter((event) => event.getRoomId() === room);
  answer(await Promise.all(all.map(seen)));
}).on("close", () => process.exit(0));

const filter = new sdk.Filter(login.user_id);
filter.setTimelineLimit(1000);
client.on(sdk.ClientEvent.Sync, (state) => {
  if (state === "PREPARED") answerOnceReachable();
});
await client.startClient({ filter });

// Others can begin a session with a device only with one of its keys, which it uploads in its own time.
async function answerOnceReachable() {
  const { one_time_key_counts: counts } = await client.http.authedRequest("POST", "/keys/upload", undefined, {});
  if (counts.signed_curve25519 > 0) answer(login.device_id);
  else setTimeout(answerOnceReachable, 50);
}
