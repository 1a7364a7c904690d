// Package ship takes what a model did not expect from a sensor to where models
// are trained.
//
//	s, err := ship.Open(ship.Options{Sensor: "gate", Tables: []string{"scored"}, Spool: "spool", To: place, Recipients: r, State: "ship"})
//	err = s.Run(ctx)
//
// and on the other side
//
//	got, err := ship.Pull(ctx, ship.PullOptions{From: place, Identities: i, Output: "records"})
//
// # What is unexpected
//
// One place says it, [Selection]: rows that raised an alert, rows of whose class
// the model was unsure, and rows that look like none that it learned from.
// Each row in a shipment says which of these it is in the column unexpected.
//
// # A shipment
//
// Of each table with such rows one shipment is made: a tar file of
//
//	manifest.json    what is in it: SHA-256 and size of each file, the table, the model, counts
//	rows.parquet     the rows, with all of their columns and scores
//	packets.pcapng   their packets, cut out of the spool's segments or the captures
//
// encrypted with age (age-encryption.org/v1) to one or more recipients while it
// is written, so that plain data is never on the sensor's disk a second time but
// for the two parts that are being put together. The sensor holds no key that
// could read it. `age -d -i key.txt FILE | tar x` reads it, too.
//
// A place holds shipments as SENSOR/2026-11-26/SENSOR_0000000041_1f2e3d4c.tar.age:
// the day of its first row, a number that rises by one, and a part of the
// SHA-256 of its bytes, so that a sensor that lost its state overwrites nothing.
//
// # Nothing is lost
//
// A shipment lies in the state folder's outbox until its place has confirmed
// it (package store). Only then is its table counted as done, the spool's
// cursor advanced, and the table deleted if that is wanted. A process that is
// killed goes on: a shipment that was being made is made again, one that was
// being uploaded is uploaded again, and one that had arrived is recognised.
//
// A segment that is still being written makes its rows wait. One that the spool
// no longer has is counted, and so are packets that were not found.
//
// # Limits
//
// The cursor stands where the watch was when it wrote the last table that
// arrived. Flows that were open then may have begun in segments before it, which
// a spool above its quota deletes first; their packets are then missing, and counted.
//
// age says who can read, not who wrote: whoever may write to the place can put
// shipments there. [Pull] takes nothing from them but the three files, and
// compares their hashes, which finds damage, not forgery. Rows of one table are
// looked at at a time, and its selected rows' places are held in memory: 48
// bytes each.
package ship
