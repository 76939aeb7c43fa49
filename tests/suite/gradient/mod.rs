mod importance;
