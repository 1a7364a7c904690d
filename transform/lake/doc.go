// Package lake turns captures into a growing folder of tables, night by night,
// so that nothing is lost, doubled or half visible, whatever is killed when.
//
// # The folder
//
// A lake is a folder of runs:
//
//	LAKE/run=000001-5f0c21aa/table=packets/date=2026-01-31/sensor=lab/00001.parquet
//	LAKE/run=000001-5f0c21aa/table=flows/date=2026-01-31/sensor=lab/part-0.parquet
//	LAKE/run=000001-5f0c21aa/state/lab.flows     flows that go on in the next run
//	LAKE/run=000001-5f0c21aa/manifest.json       inputs and outputs with their SHA-256, ledger
//	LAKE/run=000001-5f0c21aa/timings.json        how long it took: not the same twice
//	LAKE/.work/                                  plans, shards' outputs and receipts on their way
//	LAKE/.lock                                   held by the one that plans or publishes
//	LAKE/.expired/                               manifests of runs that were deleted
//
// Every level is key=value, as Hive, Spark, DuckDB and pyarrow read partitions,
// so the table packets is run=*/table=packets of all runs. A run appears by one
// rename, all of it at once; names that begin with a dot are read by nobody.
//
// file_id counts the captures that a file's metadata lists; frame_number is
// within a capture. (run, sensor, flow_id) names a flow, also one that began in
// the run before, and the packets and flows of a run are joined by them.
//
// # A run
//
// A run is planned, worked on in shards, and committed, by one process
// ([Lake.Batch]) or many:
//
//	plan, err := l.Plan(ctx, sources, config)      // which captures, cut where
//	receipt, err := plan.RunShard(ctx, n, …)       // anywhere, in any order, again after a failure
//	manifest, err := l.Commit(ctx, plan, …)        // checks all receipts, joins, publishes
//
// Shards are cut by the captures' sizes alone; a plain capture larger than a
// shard is cut at records. A shard decodes its packets into the packets table,
// but for the columns that follow from packets before them, and into digests
// (package flow). Its outputs are named by their SHA-256 and its receipt is
// written last, so a shard that runs twice, or in two places at once, does no
// harm. Commit replays the digests of each sensor in order through one flow
// table, which gives the flows and each packet's place in them, and copies the
// packets' row groups, those columns added. So the bytes do not depend on who
// ran which shard in which order, nor on how many ran at once.
//
// # What was done, and what could not be
//
// An input is known by sensor and name; one that a manifest lists is not taken
// again. A capture of which nothing can be read is quarantined: it is listed
// with the reason, and taken up again only when its size changes. One that
// could not be opened for want of rights is tried again by every run. A capture that
// is damaged further on keeps its readable packets. The manifest holds the
// ledger: packets in = rows + skipped, in the whole run and of each shard.
//
// # Limits
//
// Captures may lie in a bucket: a shard brings those that it needs to its
// machine, whole, so they are not cut. A lake is a folder; [Lake.Mirror] copies
// its runs to a bucket, where a manifest that comes last says that a run is whole.
//
// Replaying is sequential for each sensor (some million packets a second);
// sensors know nothing of each other. The lock is the operating system's, see
// package spool; shards need none. The plan names captures by their paths, so
// all machines must see them under the same ones.
package lake
