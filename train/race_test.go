//go:build race

package train

const raceEnabled = true // sync.Pool then drops items at random
