mod disentanglement;
