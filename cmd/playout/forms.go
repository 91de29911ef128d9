package main

import (
	"lifeline/internal/cmdline"
	"lifeline/internal/onetime"
	"lifeline/internal/playout"
	"lifeline/internal/trust"
)

// forms are the checks that the struct tag "form" of flags and arguments names.
var forms = cmdline.Forms{
	"id":      cmdline.ID,
	"key":     cmdline.PublicKey,
	"address": cmdline.ListenAddress,
	"url":     cmdline.URL,
	"recipient": func(text string) error {
		_, err := trust.ParseRecipient(text)
		return err
	},
	"code": func(text string) error {
		_, err := onetime.ReadTyped(text)
		return err
	},
	"drop":    playout.CheckDrop,
	"earlier": cmdline.EarlierBundle,
	"output":  isOutput,
	"once": func(text string) error {
		_, _, err := onceOf(text)
		return err
	},
}
