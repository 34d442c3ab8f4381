// mtcute against odnix-server, over TCP and WebSocket.
//
//     node mtcute_check.mjs --tcp HOST:PORT --ws ws://HOST:PORT/apiws --key server_key.pub.pem
//
// Prints one line a check and exits with the number of failed ones. mtcute is used as it is; it only
// learns the constructors of help.echo and of one method that no server knows, and the server's key.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { gzipSync, crc32 as zlibCrc32 } from 'node:zlib'
import { connectWs } from '@fuman/net'
import { __tlReaderMap, __tlWriterMap, addPublicKey } from '@mtcute/core/utils.js'
import {
  BaseTelegramClient,
  IntermediatePacketCodec,
  MemoryStorage,
  ObfuscatedPacketCodec,
  PaddedIntermediatePacketCodec,
  TcpTransport,
} from '@mtcute/node'
import { WebSocket } from 'ws'

const TIMEOUT_MS = 30_000
const SKEW_S = 4000

const { values: options } = parseArgs({
  options: {
    tcp: { type: 'string' },
    ws: { type: 'string' },
    key: { type: 'string' },
    dc: { type: 'string', default: '2' },
    transport: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
})

/** The id of a TL line: the CRC-32 of its text, in which `bytes` counts as `string`. */
function constructorId(line) {
  if (zlibCrc32) return zlibCrc32(line)
  let crc = ~0
  for (const byte of Buffer.from(line)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}

const ECHO = constructorId('help.echo data:string = help.Echoed')
const ECHOED = constructorId('help.echoed data:string = help.Echoed')
const GZIP_PACKED = 0x3072cfa1

const readerMap = {
  ...__tlReaderMap,
  [ECHOED]: (reader) => ({ _: 'help.echoed', data: reader.bytes() }),
}
const writerMap = {
  ...__tlWriterMap,
  'help.echo': (writer, { data }) => {
    writer.uint(ECHO)
    writer.bytes(data)
  },
  'help.noSuchMethod': (writer) => writer.uint(0x0badf00d),
  'help.packedEcho': (writer, { data }) => {
    const echo = Buffer.alloc(8 + data.length)
    echo.writeUInt32LE(ECHO)
    echo.writeUInt32LE(0xfe | (data.length << 8), 4)
    data.copy(echo, 8)
    writer.uint(GZIP_PACKED)
    writer.bytes(gzipSync(echo))
  },
}

class PaddedTransport extends TcpTransport {
  packetCodec() {
    return new PaddedIntermediatePacketCodec()
  }
}

class ObfuscatedTransport extends TcpTransport {
  packetCodec() {
    return new ObfuscatedPacketCodec(new PaddedIntermediatePacketCodec())
  }
}

/** What the browser build of mtcute does, with a socket that Node lacks. */
const webSocketTransport = {
  connect: () => connectWs({ url: options.ws, implementation: WebSocket, protocols: 'binary' }),
  packetCodec: () => new ObfuscatedPacketCodec(new IntermediatePacketCodec()),
}

const transports = {
  intermediate: () => new TcpTransport(),
  padded: () => new PaddedTransport(),
  obfuscated: () => new ObfuscatedTransport(),
  websocket: () => webSocketTransport,
}

function expect(condition, what) {
  if (!condition) throw new Error(what)
}

let failed = 0

/** One line a check; a failed check does not end the run. */
async function check(name, work) {
  const started = performance.now()
  let timer
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${TIMEOUT_MS} ms`)), TIMEOUT_MS)
  })
  try {
    await Promise.race([work(), timeout])
    console.log(`ok   mtcute ${name} (${Math.round(performance.now() - started)} ms)`)
    return true
  } catch (error) {
    failed += 1
    console.log(`FAIL mtcute ${name}: ${error.name}: ${error.message}`)
    return false
  } finally {
    clearTimeout(timer)
  }
}

/** Runs `work` while this process believes it is `offsetS` seconds later. */
async function underClock(offsetS, work) {
  const origin = performance.timeOrigin
  Object.defineProperty(performance, 'timeOrigin', { value: origin + offsetS * 1000, configurable: true })
  try {
    return await work()
  } finally {
    delete performance.timeOrigin
  }
}

function makeClient(transport, network) {
  const [host, port] = options.tcp.split(/:(?=\d+$)/)
  const dc = { id: Number(options.dc), ipAddress: host, port: Number(port) }
  return new BaseTelegramClient({
    apiId: 1,
    apiHash: '0'.repeat(32),
    storage: new MemoryStorage(),
    transport: transports[transport](),
    defaultDcs: { main: dc, media: { ...dc, mediaOnly: true } },
    logLevel: options.verbose ? 5 : 0,
    network,
    readerMap,
    writerMap,
  })
}

/** The one connection of a client, and how many key exchanges it began. */
function mainConnection(client) {
  return client.mt.network._primaryDc.main._connections[0]
}

async function connected(transport, saved, network) {
  const client = makeClient(transport, network)
  if (saved) await client.importSession(saved)
  await client.connect()
  const exchanges = { begun: 0 }
  mainConnection(client).onAuthBegin.add(() => { exchanges.begun += 1 })
  await echo(client, Buffer.from('hi'))
  return { client, exchanges }
}

async function echo(client, data) {
  const answer = await client.call({ _: 'help.echo', data })
  expect(answer._ === 'help.echoed', `the answer is ${answer._}`)
  expect(Buffer.compare(answer.data, data) === 0, `${data.length} bytes went out, others came back`)
}

async function ping(client) {
  const connection = mainConnection(client)
  const session = connection._session
  const { _pingInterval: interval, _randomDelay: delay } = connection
  session.lastPingRtt = Number.NaN
  session.resetLastPing(true)
  // Its clock starts with the process, and it waits two seconds from 0, its "never".
  session.lastPingTime = -10_000
  connection._pingInterval = 0
  connection._randomDelay = 0
  connection._flush()
  connection._pingInterval = interval
  connection._randomDelay = delay
  expect(!session.lastPingMsgId.isZero(), 'no ping was sent')
  while (Number.isNaN(session.lastPingRtt)) await new Promise((next) => setTimeout(next, 5))
}

async function getConfig(client) {
  const config = await client.call({ _: 'help.getConfig' })
  expect(config.expires > Date.now() / 1000 + 60, 'the config has expired')
  expect(config.dcOptions.some((option) => option.id === config.thisDc), 'no option for this_dc')
  const nearest = await client.call({ _: 'help.getNearestDc' })
  expect(nearest.thisDc === config.thisDc, 'help.getNearestDc names another dc')
}

async function futureSalts(client) {
  const salts = mainConnection(client)._salts
  while (salts.isFetching || salts._futureSalts.length === 0) {
    await new Promise((next) => setTimeout(next, 5))
  }
  expect(!salts.shouldFetchSalts(), `only ${salts._futureSalts.length} future salts were given`)
}

async function unknownRpc(client) {
  try {
    await client.call({ _: 'help.noSuchMethod' })
  } catch (error) {
    expect(error.code === 400, `error code ${error.code}: ${error.message}`)
    expect(error.text.startsWith('INPUT_METHOD_INVALID'), `error ${error.text}`)
    return
  }
  throw new Error('it was answered')
}

async function container(client) {
  const { pendingMessages } = mainConnection(client)._session
  const answers = Promise.all([
    client.call({ _: 'help.echo', data: Buffer.from('one') }),
    client.call({ _: 'help.echo', data: Buffer.from('two') }),
  ])
  let sent = []
  while (sent.length < 2 || sent.some((rpc) => !rpc.containerId)) {
    await new Promise(setImmediate)
    sent = [...pendingMessages.values()].filter((it) => it._ === 'rpc').map((it) => it.rpc)
    sent = sent.filter((rpc) => rpc.method === 'help.echo')
  }
  expect(sent[0].containerId.eq(sent[1].containerId), 'two containers were sent')
  const texts = (await answers).map((answer) => Buffer.from(answer.data).toString())
  expect(texts.join() === 'one,two', 'answers are mixed up')
}

async function wrongSalt(client) {
  const salts = mainConnection(client)._salts
  const wrong = salts.currentSalt.xor(0x5a5a5a5a)
  salts.currentSalt = wrong
  await echo(client, Buffer.from('salt'))
  expect(salts.currentSalt.neq(wrong), 'the wrong salt was never corrected')
}

async function wrongClock(client, offsetS) {
  const session = mainConnection(client)._session
  const right = session._timeOffset
  session.updateTimeOffset(right + offsetS, true)
  await echo(client, Buffer.from('time'))
  expect(Math.abs(session._timeOffset - right) < 60, `the offset is still ${session._timeOffset - right} s`)
}

/** Waits for what only the connection itself can tell. */
async function until(condition) {
  while (!condition()) await new Promise(setImmediate)
}

/** Every service message that `work` brings. */
async function serviceMessages(client, names, work) {
  const connection = mainConnection(client)
  const seen = []
  connection._handleMessage = function (messageId, message) {
    if (names.includes(message._)) seen.push(message)
    return Object.getPrototypeOf(this)._handleMessage.call(this, messageId, message)
  }
  try {
    await work(connection)
    await until(() => seen.length > 0)
  } finally {
    delete connection._handleMessage
  }
  return seen
}

/** Asks for the state of an answered request, of one from the future and of one from long ago. */
async function stateRequest(client) {
  const session = mainConnection(client)._session
  const call = echo(client, Buffer.from('state'))
  const isEcho = (it) => it._ === 'rpc' && it.rpc.method === 'help.echo' && it.rpc.msgId
  await until(() => [...session.pendingMessages.values()].some(isEcho))
  const asked = [...session.pendingMessages.values()].find(isEcho).rpc.msgId
  await call
  const [info] = await serviceMessages(client, ['mt_msgs_state_info'], (connection) => {
    session.queuedStateReq.push(asked, asked.add(2 ** 32 * 600), asked.sub(2 ** 32 * 600))
    connection._flush()
  })
  const states = [...info.info].map((byte) => byte & 7)
  expect(states.join() === '4,3,1', `states ${states}`)
}

/** The wrappers of a connection's first call, and gzip_packed only around the query inside. */
async function packedInsideInit(client) {
  mainConnection(client)._session.initConnectionCalled = false
  const data = Buffer.from('pack me '.repeat(500))
  const answer = await client.call({ _: 'help.packedEcho', data })
  expect(Buffer.compare(answer.data, data) === 0, 'other bytes came back')
}

async function destroySession(client) {
  const connection = mainConnection(client)
  const old = connection._session._sessionId
  connection._resetSession('a test')
  await echo(client, Buffer.from('new session'))
  const names = ['mt_destroy_session_ok', 'mt_destroy_session_none']
  const answers = await serviceMessages(client, names, async () => {
    connection._queuedDestroySession.push(old)
    connection._flush()
  })
  expect(answers.every((answer) => answer.sessionId.eq(old)), 'an answer about another session')
}

async function unknownKey(transport) {
  const { client, exchanges } = await connected(transport)
  const session = mainConnection(client)._session
  session._authKey.setup(randomBytes(256))
  mainConnection(client).reconnect()
  await echo(client, Buffer.from('after -404'))
  expect(exchanges.begun > 0, 'no key exchange followed')
  await client.destroy()
}

/** Temporary keys: the first, the next one while the first still lives, and one the server lost. */
async function temporaryKeys(transport) {
  const { client } = await connected(transport, null, { usePfs: true })
  const connection = mainConnection(client)
  const session = connection._session
  const id = () => Buffer.from(session._authKeyTemp.id).toString('hex')
  expect(session._authKeyTemp.ready, 'no temporary key is in use')
  const permanent = Buffer.from(session._authKey.key)
  const first = id()
  await getConfig(client)
  connection._authorizePfs(true)
  await until(() => id() !== first)
  await echo(client, Buffer.from('renewed'))
  const second = id()
  session._authKeyTemp.setup(randomBytes(256))
  connection.reconnect()
  await echo(client, Buffer.from('forgotten'))
  expect(![first, second].includes(id()), 'no new temporary key')
  expect(permanent.equals(Buffer.from(session._authKey.key)), 'the permanent key has changed')
  await client.destroy()
}

async function cut(client) {
  const before = mainConnection(client)._writer
  const waiting = echo(client, randomBytes(2000))
  mainConnection(client).reconnect()
  await waiting
  expect(mainConnection(client)._writer !== before, 'the connection was not cut')
}

async function savedKey(transport, client) {
  const saved = await client.exportSession()
  const key = Buffer.from(mainConnection(client).getAuthKey())
  await client.destroy()
  for (const offsetS of [0, -SKEW_S, SKEW_S]) {
    await underClock(offsetS, async () => {
      const { client: again, exchanges } = await connected(transport, saved)
      expect(key.equals(mainConnection(again).getAuthKey()), 'another key is in use')
      expect(exchanges.begun === 0, 'a second key exchange took place')
      await again.destroy()
    })
  }
}

async function freshKeyUnder(transport, offsetS) {
  await underClock(offsetS, async () => {
    const { client } = await connected(transport)
    await client.destroy()
  })
}

async function run(transport) {
  let client
  const start = async () => {
    client = (await connected(transport)).client
  }
  if (!(await check(`${transport}: key exchange and connect`, start))) return
  const checks = [
    ['ping', () => ping(client)],
    ['help.getConfig', () => getConfig(client)],
    ['future salts', () => futureSalts(client)],
    ['an unknown RPC is answered by a typed error', () => unknownRpc(client)],
    ['echo of 5 bytes', () => echo(client, Buffer.from('hello'))],
    ['echo of 8 KiB that compress', () => echo(client, Buffer.from('compress me '.repeat(683)))],
    ['echo of 100 KiB random', () => echo(client, randomBytes(100 * 1024))],
    ['two requests in a container', () => container(client)],
    ['gzip_packed inside initConnection', () => packedInsideInit(client)],
    ['msgs_state_req', () => stateRequest(client)],
    ['destroy_session', () => destroySession(client)],
    ['a wrong salt', () => wrongSalt(client)],
    [`a clock ${SKEW_S} s slow`, () => wrongClock(client, -SKEW_S)],
    [`a clock ${SKEW_S} s fast`, () => wrongClock(client, SKEW_S)],
    ['a connection cut under a request', () => cut(client)],
    ['an unknown key is refused with -404', () => unknownKey(transport)],
    ['temporary keys: bound, renewed, forgotten', () => temporaryKeys(transport)],
    ['reconnect with the saved key, also with a wrong clock', () => savedKey(transport, client)],
    [`a key exchange with a clock ${SKEW_S} s slow`, () => freshKeyUnder(transport, -SKEW_S)],
    [`a key exchange with a clock ${SKEW_S} s fast`, () => freshKeyUnder(transport, SKEW_S)],
  ]
  for (const [name, work] of checks) await check(`${transport}: ${name}`, work)
  await client.destroy()
}

for (const name of ['tcp', 'ws', 'key']) {
  if (!options[name]) {
    console.error(`--${name} is missing`)
    process.exit(2)
  }
}
const names = options.transport ? [options.transport] : Object.keys(transports)
// The hash of addPublicKey needs no set-up; any client has one.
addPublicKey(makeClient('intermediate').crypto, readFileSync(options.key, 'utf8'))
for (const transport of names) await run(transport)
process.exit(Math.min(failed, 100))
