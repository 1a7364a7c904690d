//go:build !unix

package main

import "os"

// statisticsSignal is nil: there is no such signal here.
var statisticsSignal os.Signal
