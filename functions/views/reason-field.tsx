import { REASON_LENGTH } from "../../contract/operator.ts";

/** Asks an operator for a reason, which somebody will read. */
export const ReasonField = () => (
  <label class="reason">
    Reason
    <input type="text" name="reason" required maxlength={REASON_LENGTH} autocomplete="off" />
  </label>
);
