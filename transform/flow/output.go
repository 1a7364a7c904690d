package flow

import "github.com/pcapline/pcapline/transform/schema"

// Receiver takes a finished batch of rows and gives the one to be filled
// next: the same one if it is done with it, else another, so that one can be
// encoded while the next is filled. What it gives is emptied first.
type Receiver func(full *Rows) (next *Rows, err error)

// EachBatch is a Receiver that is done with a batch when take returns.
func EachBatch(take func(*schema.Batch) error) Receiver {
	return func(full *Rows) (*Rows, error) { return full, take(full.batch) }
}

// output is the rows on their way to a receiver.
type output struct {
	deliver Receiver
	limit   int // rows in a batch
	rows    *Rows
}

// add makes a flow's row, and delivers the batch when it is full.
func (o *output) add(k *Key, f *flowState, reason endReason) error {
	o.rows.add(k, f, reason)
	if o.rows.batch.Rows < o.limit {
		return nil
	}
	return o.flush()
}

// flush delivers the rows made so far.
func (o *output) flush() error {
	if o.rows.batch.Rows == 0 {
		return nil
	}
	o.rows.batch.Finish()
	next, err := o.deliver(o.rows)
	if next != nil {
		o.rows = next
	}
	o.rows.reset()
	return err
}
