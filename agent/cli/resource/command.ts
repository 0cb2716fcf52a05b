import { Command } from "commander";
import { addCommand } from "./add.ts";
import { resourceDoctorCommand } from "./doctor.ts";
import { resourceListCommand } from "./list.ts";
import { removeCommand } from "./remove.ts";

export const resourceCommand = (): Command =>
  new Command("resource")
    .description("set up the clusters that sessions can run on")
    .addCommand(addCommand())
    .addCommand(resourceListCommand())
    .addCommand(resourceDoctorCommand())
    .addCommand(removeCommand());
