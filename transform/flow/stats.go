package flow

// Reason is why a packet belongs to no flow.
type Reason uint8

// The reasons.
const (
	NotIP       Reason = iota // neither IP nor ARP
	IPDamaged                 // IP, but its addresses could not be read
	ARPDamaged                // ARP, but not of IPv4 over Ethernet, or cut off
	Duplicate                 // captured twice, see Config.DropDuplicates
	ReasonCount               // how many there are
)

// String gives the reason as metadata and messages name it.
func (r Reason) String() string {
	return [...]string{"not_ip", "ip_damaged", "arp_damaged", "duplicate", "?"}[min(r, ReasonCount)]
}

// nonFlowReason says why a packet without addresses has none.
func nonFlowReason(d *Digest) Reason {
	switch d.EtherType {
	case etherIPv4, etherIPv6:
		return IPDamaged
	case etherARP:
		return ARPDamaged
	}
	return NotIP
}

// Stats is the table's ledger: Packets is InFlows plus the sum of NonFlow,
// and Flows is OpenFlows plus the sum of Ended.
type Stats struct {
	Packets int64              // given to Add
	InFlows int64              // that are part of a flow
	NonFlow [ReasonCount]int64 // that are not, by reason

	Flows     int64           // begun
	OpenFlows int64           // that have not ended
	Ended     [endCount]int64 // rows by end_reason, see [EndReason]

	Late            int64 // packets with an earlier time than one before them
	ClampedTimes    int64 // packets whose time is not between 1896 and 2116
	JoinedFragments int64 // later fragments that found their flow
	OrphanFragments int64 // that did not, and are flows of their own without ports

	// What the limits of Config made the table forget; as long as all are 0
	// the window and service columns are exact.
	ForgottenHosts, ForgottenEvents, ForgottenPairs, ForgottenServices int64
}

// EndReason names the index of Stats.Ended, as column end_reason does.
func EndReason(i int) string { return endNames[i] }
