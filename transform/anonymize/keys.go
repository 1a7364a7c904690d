package anonymize

import (
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// keys fills community_id and flow_key. Both are hashes of a conversation's
// addresses, ports and the like, so they are made anew of the pseudonyms where
// the row's columns give, with the original addresses, the original value:
// then nothing is missing. Else the value is hashed under the key.
//
// The flow_key of an echo conversation has its identifier in it, which flows
// tables lack, so it is hashed in all tables: packets and flows still join.
type keys struct {
	counts map[string]int64
	parts  parts
	text   []byte
}

// fill makes the keys of a batch whose other columns have been rewritten.
func (k *keys) fill(t *tableAnonymizer, src *schema.Batch) {
	ids, hashes := walk[schema.Text](src, "community_id"), walk[int64](src, "flow_key")
	toID, toHash := t.batch.Column("community_id"), t.batch.Column("flow_key")
	if toID == nil && toHash == nil {
		return
	}
	k.parts.open(src)
	for row := range t.rows {
		id, hasID := ids.At(row)
		hash, hasHash := hashes.At(row)
		if !hasID && !hasHash {
			continue
		}
		digest := k.parts.digest(row)
		before := flow.KeyOf(&digest)
		if hasID && !k.isOf(&before, id) {
			// The row's ICMP type is of the first packet, which may be an answer
			// to the initiator.
			digest.Src, digest.Dst = digest.Dst, digest.Src
			before = flow.KeyOf(&digest)
		}
		digest.Src, digest.Dst = t.rewriter.names.Addr(digest.Src), t.rewriter.names.Addr(digest.Dst)
		after := flow.KeyOf(&digest)
		if hasID {
			set(toID, row, k.communityID(t, id, &before, &after))
		}
		if hasHash {
			set(toHash, row, k.flowKey(t, hash, &before, &after))
		}
	}
}

func (k *keys) communityID(t *tableAnonymizer, id schema.Text, before, after *flow.Key) schema.Text {
	if k.isOf(before, id) {
		k.text = after.CommunityID(k.text[:0])
		k.counts["community_id made anew"]++
	} else {
		k.text = t.rewriter.names.Text(k.text[:0], id)
		k.counts["community_id hashed"]++
	}
	return t.batch.Text(k.text)
}

// isOf reports whether id is the Community ID of a key.
func (k *keys) isOf(key *flow.Key, id schema.Text) bool {
	k.text = key.CommunityID(k.text[:0])
	return len(k.text) > 0 && string(k.text) == string(id)
}

func (k *keys) flowKey(t *tableAnonymizer, hash int64, before, after *flow.Key) int64 {
	if before.Valid() && before.ID == 0 && before.Hash() == hash {
		k.counts["flow_key made anew"]++
		return after.Hash()
	}
	k.counts["flow_key hashed"]++
	return t.rewriter.names.Number(hash)
}

// set gives row its value in a column made by schema.NewColumn.
func set[T schema.Value](to schema.Column, row int, v T) {
	switch to := to.(type) {
	case *schema.Optional[T]:
		to.Set(row, v)
	case *schema.Values[T]:
		to.Append(v)
	}
}

// walk gives a cursor over a column of a batch; over none where the batch
// lacks it, or has values of another type in it.
func walk[T schema.Value](b *schema.Batch, name string) schema.Cursor[T] {
	c := b.Column(name)
	if c == nil || c.Field().List {
		return schema.Walk[T](nil)
	}
	if _, ok := c.Data().([]T); !ok {
		return schema.Walk[T](nil)
	}
	return schema.Walk[T](c)
}
