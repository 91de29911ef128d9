package control

import (
	"slices"
	"sync"
)

// signals wake those who wait for a topic. A topic nobody waits for costs nothing.
type signals struct {
	mu       sync.Mutex
	channels map[string]chan struct{}
	joined   map[string][]string // topic -> those that it wakes too
}

// join lets any of the topics wake another one, so that one channel serves who waits for several.
func (s *signals) join(topic string, topics ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.joined == nil {
		s.joined = make(map[string][]string)
	}
	for _, t := range topics {
		if !slices.Contains(s.joined[t], topic) {
			s.joined[t] = append(s.joined[t], topic)
		}
	}
}

// on answers a channel that is closed at the topic's next wake. Take it before looking at what it guards.
func (s *signals) on(topic string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels == nil {
		s.channels = make(map[string]chan struct{})
	}
	c, ok := s.channels[topic]
	if !ok {
		c = make(chan struct{})
		s.channels[topic] = c
	}
	return c
}

func (s *signals) wake(topics ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, topic := range topics {
		s.wakeLocked(topic)
		for _, other := range s.joined[topic] {
			s.wakeLocked(other)
		}
	}
}

func (s *signals) wakeLocked(topic string) {
	if c, ok := s.channels[topic]; ok {
		close(c)
		delete(s.channels, topic)
	}
}
