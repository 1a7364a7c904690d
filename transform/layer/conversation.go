package layer

import (
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
)

// Conversation says which packets belong together; of a packet in a tunnel it
// is the innermost conversation. Both columns follow from
// the packet alone: a later fragment, whose ports are in the first one, has
// the key of its addresses.
type Conversation struct {
	schema.Layer `name:"conversation" title:"Conversation" every:"row"`

	CommunityID schema.Optional[schema.Text] `name:"community_id" role:"identity" store:"dict" source:"https://github.com/corelight/community-id-spec" doc:"Community ID, version 1, seed 0; null without IP."`
	FlowKey     schema.Optional[int64]       `name:"flow_key" role:"identity" store:"dict" source:"pcapline, flow.Key.Hash" doc:"XXH64 of the conversation's canonical key (addresses, ports, protocol, VLAN, tunnel, echo identifier): the same for both directions and in the flows table; null for packets of no conversation."`

	cache []cachedID
}

// cachedID remembers the Community ID of a key: SHA-1 costs as much as the
// rest of decoding.
type cachedID struct {
	key  flow.Key
	hash int64
	text [30]byte
	n    uint8 // length of text, 0 where the key has none
}

// cacheSize is a power of two. Keys that fall on the same place replace each
// other, so memory is bounded under a flood of addresses.
const cacheSize = 2048

func (c *Conversation) fill(b *schema.Batch, row int, d *flow.Digest) {
	key := flow.KeyOf(d)
	if !key.Valid() {
		return
	}
	hash := key.Hash()
	e := &c.cache[hash&(cacheSize-1)]
	if e.hash != hash || e.key != key {
		e.key, e.hash = key, hash
		e.n = uint8(len(key.CommunityID(e.text[:0])))
	}
	c.FlowKey.Set(row, hash)
	if e.n > 0 {
		c.CommunityID.Set(row, b.Text(e.text[:e.n]))
	}
}
