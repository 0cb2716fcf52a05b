import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

const tag = {
  integer: 0x02,
  bits: 0x03,
  oid: 0x06,
  utf8: 0x0c,
  time: 0x17,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
};

function der(type: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const size = content.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([type, ...length]), content]);
}

const COMMON_NAME = der(tag.oid, Buffer.from("550403", "hex"));
const ECDSA_WITH_SHA256 = der(tag.sequence, der(tag.oid, Buffer.from("2a8648ce3d040302", "hex")));

/**
 * Makes a key and a certificate for `name` signed by that very key (X.509 v3, P-256, valid from 2020 to 2049),
 * as PEM: what an HTTPS service on a node typically has.
 */
export function selfSigned(name: string): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const who = der(
    tag.sequence,
    der(tag.set, der(tag.sequence, COMMON_NAME, der(tag.utf8, Buffer.from(name)))),
  );
  const when = ["200101000000Z", "491231235959Z"].map((time) => der(tag.time, Buffer.from(time)));
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(8)]);
  const certificate = der(
    tag.sequence,
    der(tag.version, der(tag.integer, Buffer.from([2]))),
    der(tag.integer, serial),
    ECDSA_WITH_SHA256,
    who,
    der(tag.sequence, ...when),
    who,
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = der(tag.bits, Buffer.from([0]), sign("sha256", certificate, privateKey));
  const body = der(tag.sequence, certificate, ECDSA_WITH_SHA256, signature).toString("base64");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${body.match(/.{1,64}/g)?.join("\n")}\n-----END CERTIFICATE-----\n`,
  };
}
