// Package watch scores a spool while it grows, and raises alerts.
//
//	w, err := watch.Open(watch.Options{Spool: "spool", Model: "model.pcapline", State: "watch.state"})
//	err = w.Run(ctx)
//
// # The same numbers as a batch
//
// Packets pass through the decoder, the flow table, the transforms and the
// network that a batch passes them through, in the order of the spool, so a
// row and its score are those that transform.Run and a [train.Scorer] give for
// the same segments with flow.Config.Span, bit for bit. Only when a row comes differs: a
// batch ends flows by the packets' times, a watch also by a clock, when no
// packets come. That clock is the time of the last packet and what has passed
// since it was read, less [Grace]; so a spool of old captures is scored as if it were young,
// and a packet may take as long as that from the wire to the spool.
//
// A model of flows scores each flow once: as it stood early, if it learned
// from such views (flow.Config.Early), else as it ended. A model of packets
// scores each packet.
//
// # Stops
//
// Everything that a watch knows between two packets is in one file: where it
// is in the spool, the flows that are open, which alerts it holds back. The file
// is replaced at each [Options.Checkpoint] and at the end. A watch that is killed
// goes on from the last one; nothing that a packet did after it is visible but
// alerts, and of these it keeps a journal, so that none is sent twice. Tables of
// what was scored appear with the checkpoint: each packet is in them once,
// however often the watch is killed. The spool's cursor follows, for its quota.
//
// # Alerts
//
// A row whose score reaches the threshold is an [Alert]. Those alike (source,
// destination, class) are sent once in a while ([Options.Dedup]), and no more
// than a token bucket allows ([Options.Rate]), by the packets' time, so that a
// spool scored again gives the same alerts. What is not sent is counted, and the next
// alert alike says how many there were.
//
// # Behind
//
// What is not read yet waits in the spool, as long as its quota keeps it.
// A watch says how far it is behind, in bytes and in the packets' time. With
// [Options.MaxLag] it sheds the oldest packets when more than that waits: they
// are read past without being decoded, and counted, until half of it is left.
// Without, it scores everything, however late.
//
// # Limits
//
// Everything is done by one goroutine: about a quarter of a million packets a second on one
// core (BenchmarkWatch), more of longer flows. Memory is that of the flow table (package flow) and
// of one row group of scores.
package watch
