/**
 * What a model may well say to that, where there is none: it looks, plans anew when the train is sold out, and books.
 */
import type { ScriptedModel } from "@toolscope/agent"

export const prompt =
  "Plan a weekend in Rome, from Friday night if that can be. Find a way there and a room, look up what is on, then book both. If something essential is not to be had, plan anew."

const essential = { toolscope_policy: "essential" }

export const script: ReadonlyArray<ScriptedModel.Turn> = [
  {
    text: "Without a train there is no weekend: that is essential. The news can wait.",
    calls: [
      { call: "search_trains", params: { day: "Friday", ...essential } },
      { call: "search_hotels", params: { day: "Friday", ...essential } },
      { call: "local_news", params: { toolscope_policy: "advisory" } }
    ]
  },
  {
    text: "Friday is sold out. For Thursday whatever answers first will do, train or bus.",
    calls: [
      {
        call: "fanout",
        params: {
          toolscope: 1,
          plan: {
            all: [
              {
                id: "ride",
                firstSuccess: [
                  { id: "train", call: "search_trains", params: { day: "Thursday" } },
                  { id: "bus", call: "search_buses", params: { day: "Thursday" } }
                ]
              },
              { id: "room", call: "search_hotels", params: { day: "Thursday" } },
              { id: "news", advisory: { call: "local_news" }, grace: "200 millis" }
            ]
          },
          drain: "1 second"
        }
      }
    ]
  },
  {
    text: "There is a train, and a room. I book both, if I may.",
    calls: [
      { call: "book", params: { what: "NJ 233 on Thursday", euros: 89, ...essential } },
      { call: "book", params: { what: "Albergo del Sole", euros: 140, ...essential } }
    ]
  },
  "You leave on Thursday night with NJ 233 and stay at the Albergo del Sole: 229 euros in all."
]
