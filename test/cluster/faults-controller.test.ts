import { itSurvives } from "./faults.ts";

itSurvives("controller");
