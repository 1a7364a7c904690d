package train

import (
	"slices"

	"github.com/pcapline/pcapline/features"
)

// A binary target makes one class of all attacks. Its models have two classes
// and are judged on data that know more: recalls are then by the data's
// classes, the confusion matrix by the model's.

// attackClass is what a binary model calls all attacks.
const attackClass = "attack"

// binaryClasses are those of a binary model, and the benign one: of two
// classes they stay as they are.
func binaryClasses(classes []string, benign int) ([]string, int) {
	if len(classes) == 2 {
		return classes, benign
	}
	return []string{classes[benign], attackClass}, 0
}

// binary is the data with a binary target.
func (d *Data) binary() *Data {
	if len(d.Classes) == 2 {
		return d
	}
	b := *d
	b.Classes, b.Benign = binaryClasses(d.Classes, d.Benign)
	b.Class = make([]int32, len(d.Class))
	for i, c := range d.Class {
		if int(c) != d.Benign {
			b.Class[i] = 1
		}
	}
	return &b
}

// tells reports whether the model was trained on such classes.
func (m *Model) tells(d *Data) bool {
	if slices.Equal(m.Classes, d.Classes) {
		return m.Benign == d.Benign
	}
	return m.Manifest.Config.Target == "binary" && slices.Equal(m.Classes, []string{d.Classes[d.Benign], attackClass})
}

// trainedOn counts the model's training rows by the data's classes.
func (m *Model) trainedOn(d *Data) []int {
	if len(m.Classes) == len(d.Classes) {
		return m.Manifest.TrainRows
	}
	return countClasses(d, d.pack(features.Train))
}

// seenBy is j with rows of the model's classes.
func (j *judge) seenBy(m *Model) *judge {
	if len(m.Classes) == len(j.data.Classes) {
		return j
	}
	seen, p := *j, *j.part
	p.class = make([]int32, p.n)
	for i, attack := range p.attack {
		if attack {
			p.class[i] = 1
		}
	}
	seen.part = &p
	return &seen
}
