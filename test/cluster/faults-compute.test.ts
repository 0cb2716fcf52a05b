import { itSurvives } from "./faults.ts";

itSurvives("compute");
