package prep

import (
	"fmt"
	"slices"
	"strings"
)

// Attempted says what becomes of attacks that came to nothing
// (label_attempted): they carry no malicious payload, so a detector that is
// taught to call them attacks learns what benign rows look like.
//
// Source: Liu et al., Error Prevalence in NIDS Datasets, IEEE CNS 2022.
type Attempted string

// What can become of them.
const (
	AttemptedDrop   Attempted = "drop"   // they are in neither table, and counted; the default
	AttemptedAttack Attempted = "attack" // they are attacks as the others are
	AttemptedBenign Attempted = "benign" // they are benign rows
)

// AttemptedPolicies lists them, the default first.
var AttemptedPolicies = []string{string(AttemptedDrop), string(AttemptedAttack), string(AttemptedBenign)}

// Check reports a value that means nothing.
func (a Attempted) Check() error {
	if a != "" && !slices.Contains(AttemptedPolicies, string(a)) {
		return fmt.Errorf("attempted attacks: %q is none of %s", a, strings.Join(AttemptedPolicies, ", "))
	}
	return nil
}
