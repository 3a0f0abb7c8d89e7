/**
 * A weekend in Rome, as tools: one that fails, one that takes its time, one that never answers, and one that a person has to allow.
 */
import { Attempt, Contract, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

class NoSeats extends Schema.TaggedError<NoSeats>()("NoSeats", { day: Schema.String }) {
  override get message() {
    return `the night train is sold out on ${this.day}`
  }
}

const Day = Schema.Literals(["Thursday", "Friday", "Saturday"])

const SearchTrains = Tool.make("search_trains", {
  description: "Finds seats on the night train to Rome",
  parameters: Schema.Struct({ day: Day }),
  success: Schema.Struct({ train: Schema.String, euros: Schema.Finite }),
  failure: NoSeats,
  contract: Contract.readOnly,
  handler: ({ day }) =>
    Effect.andThen(
      Effect.sleep(300),
      day === "Friday" ? Effect.fail(new NoSeats({ day })) : Effect.succeed({ train: `NJ 233 on ${day}`, euros: 89 })
    )
})

const SearchBuses = Tool.make("search_buses", {
  description: "Finds seats on the bus to Rome. Slow",
  parameters: Schema.Struct({ day: Day }),
  success: Schema.Struct({ bus: Schema.String, euros: Schema.Finite }),
  contract: Contract.readOnly,
  handler: ({ day }) => Effect.as(Effect.sleep(20_000), { bus: `N12 on ${day}`, euros: 39 })
})

const SearchHotels = Tool.make("search_hotels", {
  description: "Finds rooms near the centre, from the day after the night train",
  parameters: Schema.Struct({ day: Day }),
  success: Schema.Struct({ hotel: Schema.String, euros: Schema.Finite }),
  contract: Contract.readOnly,
  handler: ({ day }) =>
    Effect.as(Effect.sleep(day === "Friday" ? 30_000 : 150), { hotel: "Albergo del Sole", euros: 140 })
})

const LocalNews = Tool.make("local_news", {
  description: "What is on in Rome. Nice to have",
  success: Schema.String,
  contract: Contract.readOnly,
  handler: () => Effect.never
})

const Book = Tool.make("book", {
  description: "Books what was found, for good: it costs money",
  parameters: Schema.Struct({ what: Schema.String, euros: Schema.Finite }),
  success: Schema.String,
  contract: Contract.irreversible,
  approval: "always",
  handler: ({ what }) => Effect.map(Attempt.current, () => `booked: ${what}`)
})

export const tools = [SearchTrains, SearchBuses, SearchHotels, LocalNews, Book]
