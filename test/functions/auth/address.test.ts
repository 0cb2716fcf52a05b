import { expect, it } from "vitest";
import { networkOf } from "../../../functions/auth/address.ts";

it.each([
  ["192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::6", "2001:db8:1:2::/64"],
  ["2001:DB8:0001:2:ffff::", "2001:db8:1:2::/64"],
  ["2001:db8::1:2", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  [null, "local"],
])("attempts from %s are counted by %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});
